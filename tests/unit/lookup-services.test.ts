import { pino } from 'pino';
import { expect, test } from 'vitest';
import { validateEnvironment } from '../../src/config.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createIntegrations } from '../../src/services.ts';

const open = (env: Record<string, string>) => {
  const { callLogs, lookups, campaigns } = validateEnvironment(env);
  const metrics = createMetrics();
  const lines: [provider: string, perS: number][] = [];
  const turns = { take: async () => true, pause: async () => undefined };
  const { lookupProviders, callLogReaders, campaignBooks } = createIntegrations(
    {
      database: { url: 'http://127.0.0.1:1', secretKey: 'not-asked' },
      queue: { kind: 'postgres', url: 'postgres://127.0.0.1:1/none' },
      stripe: { secretKey: 'sk_test_none', apiBase: null, livemode: false },
      ...{ callLogs, lookups, campaigns, clock: { nowMs: () => 0 } },
    },
    {
      ...{ bodyKeys: [], log: pino({ level: 'silent' }), onFailure: () => undefined },
      openTurns(...line) {
        lines.push(line);
        return turns;
      },
      onCircuit: metrics.circuitOpen,
    },
  );
  const circuits = async () =>
    (await metrics.render()).text.split('\n').filter((line) => line.startsWith('callclear_circuit_open{'));
  return { lookupProviders, callLogReaders, campaignBooks, lines, circuits };
};

test('who knows numbers is asked where keys are given, and each provider has a circuit that shows in the metrics', async () => {
  const { lookupProviders, circuits } = open({
    ...{ IPQUALITYSCORE_KEYS: 'key', TWILIO_LOOKUP_KEYS: 'SK1:secret' },
    ...{ TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKENS: 'SK1:secret' },
  });
  expect(lookupProviders.telesign).toBeNull();
  expect([lookupProviders.ipqualityscore, lookupProviders.twilio].map((one) => one?.isAway())).toEqual([
    ...[false, false],
  ]);
  expect((await circuits()).toSorted()).toEqual(
    ['ipqualityscore', 'twilio', 'twilio-lookup'].map(
      (provider) => `callclear_circuit_open{provider="${provider}"} 0`,
    ),
  );
});

test('without keys there is nobody to ask', async () => {
  const { lookupProviders, circuits } = open({});
  expect(Object.values(lookupProviders)).toEqual([null, null, null]);
  expect(await circuits()).toEqual([]);
});

test('platforms of campaigns are asked where their accounts are given, and Ringba’s calls are read beside the others', async () => {
  const { campaignBooks, callLogReaders, circuits } = open({
    ...{ RINGBA_ACCOUNT_ID: 'RA1', RINGBA_API_TOKENS: 'token', EVERFLOW_API_KEYS: 'key' },
    ...{ TUNE_NETWORK_ID: 'net', TUNE_NETWORK_TOKENS: 'token' },
    ...{ CALLRAIL_ACCOUNT_ID: 'ACC1', CALLRAIL_API_KEYS: 'key' },
  });
  expect(await campaignBooks.configured()).toEqual(['ringba', 'everflow', 'tune']);
  expect(await Promise.all((['ringba', 'everflow', 'tune'] as const).map(campaignBooks.slowness))).toEqual([
    ...['immediate', 'slow', null],
  ]);
  expect(callLogReaders.map(({ source }) => source)).toEqual(['callrail', 'ringba']);
  const named = (await circuits()).map((line) => line.split('"')[1]);
  expect(named.toSorted()).toEqual(['callrail', 'everflow', 'ringba', 'ringba-log', 'tune']);
});

test('each provider has a line of its own, and its log of calls and its campaigns wait in one', () => {
  const { lines } = open({
    ...{ RINGBA_ACCOUNT_ID: 'RA1', RINGBA_API_TOKENS: 'token', EVERFLOW_API_KEYS: 'key' },
    ...{ TUNE_NETWORK_ID: 'net', TUNE_NETWORK_TOKENS: 'token', IPQUALITYSCORE_KEYS: 'key' },
    ...{ CALLRAIL_ACCOUNT_ID: 'ACC1', CALLRAIL_API_KEYS: 'key', TWILIO_LOOKUP_KEYS: 'SK1:secret' },
    ...{ TELESIGN_KEYS: 'customer:key', TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKENS: 'SK1:secret' },
  });
  expect(lines.toSorted(([one], [other]) => one.localeCompare(other))).toEqual([
    ...[
      ['callrail', 0.25],
      ['everflow', 2],
      ['ipqualityscore', 20],
    ],
    ...[
      ['ringba', 2],
      ['ringba', 2],
      ['telesign', 20],
      ['tune', 2],
    ],
    ...[
      ['twilio', 5],
      ['twilio-lookup', 20],
    ],
  ]);
});
