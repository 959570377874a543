import { expect, test } from 'vitest';
import { runHistories } from '../helpers/histories/property.ts';
import { keepServer } from '../helpers/house.ts';

keepServer();

test('whatever happens to buyers and suppliers, the books add up and the money moved once', async () => {
  const { run, wanted } = await runHistories(2);
  expect(run).toBeGreaterThanOrEqual(wanted);
}, 3_600_000);
