-- Written by `npm run generate` from src/jobs/fraud/default-rules.ts: change it there.
insert into public.rule_sets (rules, author, note, made_at, state) values ('{
  "default": {
    "weights": {
      "invalid-number": 80,
      "anonymous-caller": 45,
      "own-number": 100,
      "toll-free-caller": 60,
      "premium-number": 60,
      "unassigned-number": 60,
      "number-block": 60,
      "line-type": 20,
      "number-risk": 45,
      "lookup-missing": 0,
      "attestation": 15,
      "caller-velocity": 60,
      "duplicate-in-campaign": 30,
      "duplicate-at-buyer": 15,
      "duplicate-in-network": 25,
      "across-campaigns": 40,
      "across-suppliers": 40,
      "threshold-bunching": 80,
      "identical-durations": 80,
      "short-hangups": 20,
      "unusual-hour": 40,
      "supplier-velocity": 25,
      "ramp": 25,
      "geo-mismatch": 10,
      "outside-regions": 15,
      "supplier-refused": 20,
      "supplier-disputed": 25
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
