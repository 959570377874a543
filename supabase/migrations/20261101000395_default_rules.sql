-- Written by `npm run generate` from src/jobs/fraud/default-rules.ts: change it there.
insert into public.rule_sets (rules, author, note, made_at, state) values ('{
  "default": {
    "weights": {
      "invalid-number": 80,
      "anonymous-caller": 20,
      "own-number": 100,
      "toll-free-caller": 33,
      "premium-number": 60,
      "unassigned-number": 60,
      "number-block": 33,
      "line-type": 7,
      "number-risk": 45,
      "lookup-missing": 0,
      "attestation": 3,
      "attestation-share": 1,
      "caller-velocity": 27,
      "duplicate-in-campaign": 1,
      "duplicate-at-buyer": 1,
      "duplicate-in-network": 1,
      "across-campaigns": 2,
      "campaigns-in-a-day": 14,
      "across-suppliers": 1,
      "repeat-callers": 17,
      "threshold-bunching": 8,
      "identical-durations": 20,
      "few-failures": 12,
      "short-talk": 5,
      "short-hangups": 1,
      "unusual-hour": 1,
      "supplier-velocity": 3,
      "quiet-hour": 47,
      "ramp": 29,
      "geo-mismatch": 1,
      "outside-regions": 11,
      "supplier-refused": 1,
      "supplier-disputed": 20,
      "supplier-excess": 38,
      "calls-again": 14,
      "neighbouring-callers": 35
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
