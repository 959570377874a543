-- Written by `npm run generate` from src/jobs/fraud/default-rules.ts: change it there.
insert into public.rule_sets (rules, author, note, made_at, state) values ('{
  "default": {
    "weights": {
      "invalid-number": 80,
      "anonymous-caller": 20,
      "own-number": 100,
      "toll-free-caller": 69,
      "premium-number": 60,
      "unassigned-number": 60,
      "number-block": 93,
      "line-type": 8,
      "number-risk": 45,
      "lookup-missing": 0,
      "attestation": 6,
      "attestation-share": 18,
      "caller-velocity": 45,
      "duplicate-in-campaign": 15,
      "duplicate-at-buyer": 1,
      "duplicate-in-network": 1,
      "across-campaigns": 8,
      "campaigns-in-a-day": 27,
      "across-suppliers": 1,
      "repeat-callers": 29,
      "threshold-bunching": 35,
      "identical-durations": 42,
      "few-failures": 58,
      "short-talk": 8,
      "short-hangups": 5,
      "unusual-hour": 1,
      "supplier-velocity": 1,
      "quiet-hour": 72,
      "ramp": 24,
      "geo-mismatch": 1,
      "outside-regions": 19,
      "supplier-refused": 13,
      "supplier-disputed": 20
    },
    "thresholds": {
      "holdAt": 40,
      "rejectAt": 70
    },
    "expiry": {
      "hours": 72,
      "decision": "reject"
    },
    "lookups": {
      "providers": [],
      "required": false
    }
  },
  "campaigns": {},
  "lookups": {}
}', 'callclear', 'the default rules', '2026-11-01T00:00:00Z', 'running');
