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
      "number-block": 10,
      "line-type": 7,
      "number-risk": 45,
      "lookup-missing": 0,
      "attestation": 1,
      "attestation-share": 1,
      "caller-velocity": 8,
      "duplicate-in-campaign": 1,
      "duplicate-at-buyer": 1,
      "duplicate-in-network": 1,
      "across-campaigns": 1,
      "campaigns-in-a-day": 4,
      "across-suppliers": 1,
      "repeat-callers": 5,
      "threshold-bunching": 2,
      "identical-durations": 6,
      "few-failures": 4,
      "short-talk": 2,
      "short-hangups": 1,
      "unusual-hour": 1,
      "supplier-velocity": 1,
      "quiet-hour": 14,
      "ramp": 9,
      "geo-mismatch": 1,
      "outside-regions": 3,
      "supplier-refused": 1,
      "supplier-disputed": 20,
      "fraud-pattern": 54,
      "neighbouring-callers": 10
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
