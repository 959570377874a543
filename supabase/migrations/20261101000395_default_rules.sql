-- Written by `npm run generate` from src/jobs/fraud/default-rules.ts: change it there.
insert into public.rule_sets (rules, author, note, made_at, state) values ('{
  "default": {
    "weights": {
      "invalid-number": 80,
      "anonymous-caller": 20,
      "own-number": 100,
      "toll-free-caller": 65,
      "premium-number": 60,
      "unassigned-number": 60,
      "number-block": 90,
      "line-type": 8,
      "attestation": 7,
      "attestation-share": 16,
      "caller-velocity": 10,
      "duplicate-in-campaign": 15,
      "duplicate-at-buyer": 1,
      "duplicate-in-network": 1,
      "across-campaigns": 6,
      "campaigns-in-a-day": 28,
      "across-suppliers": 1,
      "repeat-callers": 30,
      "threshold-bunching": 35,
      "identical-durations": 45,
      "few-failures": 50,
      "short-talk": 8,
      "short-hangups": 5,
      "unusual-hour": 1,
      "supplier-velocity": 1,
      "quiet-hour": 44,
      "ramp": 36,
      "geo-mismatch": 1,
      "outside-regions": 19,
      "supplier-refused": 15,
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
