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
      "number-block": 45,
      "line-type": 8,
      "number-risk": 45,
      "lookup-missing": 0,
      "attestation": 5,
      "attestation-share": 1,
      "caller-velocity": 31,
      "duplicate-in-campaign": 5,
      "duplicate-at-buyer": 1,
      "duplicate-in-network": 1,
      "across-campaigns": 8,
      "campaigns-in-a-day": 8,
      "across-suppliers": 1,
      "repeat-callers": 24,
      "threshold-bunching": 16,
      "identical-durations": 26,
      "few-failures": 35,
      "short-talk": 2,
      "short-hangups": 1,
      "unusual-hour": 1,
      "supplier-velocity": 6,
      "quiet-hour": 46,
      "ramp": 48,
      "geo-mismatch": 1,
      "outside-regions": 16,
      "supplier-refused": 1,
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
