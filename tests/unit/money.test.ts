import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PermanentError } from '../../src/errors.ts';
import { CURRENCIES, type Currency, formatMoney, parseAmountMinor, parseCurrency } from '../../src/money.ts';

const currencies = Object.keys(CURRENCIES).map((code) => parseCurrency(code));
const anyCurrency = fc.constantFrom(...currencies);
const anyAmount = fc.maxSafeInteger();

/** The code of what `run` throws; null when it throws nothing, or something that has no code. */
function codeThrown(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return error instanceof PermanentError ? error.code : null;
  }
}

/** Reads `-1234.5 KWD` back with integers only, as nothing in src does. */
function amountOf(text: string, currency: Currency): number {
  const [number = '', code] = text.split(' ');
  expect(code).toBe(currency.toUpperCase());
  const [whole = '', fraction = ''] = number.replace('-', '').split('.');
  expect(fraction).toHaveLength(CURRENCIES[currency].exponent);
  const amount = BigInt(whole + fraction);
  return Number(number.startsWith('-') ? -amount : amount);
}

describe('amounts', () => {
  test('every safe integer passes through unchanged', () => {
    fc.assert(fc.property(anyAmount, (amount) => parseAmountMinor(amount) === amount));
  });

  test('minus zero becomes zero', () => {
    expect(Object.is(parseAmountMinor(-0), 0)).toBe(true);
  });

  test.each([
    2 ** 53,
    -(2 ** 53),
    1e21,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    0.1,
    '12',
    '1e3',
    '',
    10n,
    null,
    undefined,
    {},
    [5],
  ])('%s is refused', (value) => {
    expect(codeThrown(() => parseAmountMinor(value))).toBe('AMOUNT_INVALID');
  });

  test('every number with a fraction is refused, however small the fraction', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true }).filter((value) => !Number.isSafeInteger(value)),
        (value) => codeThrown(() => parseAmountMinor(value)) === 'AMOUNT_INVALID',
      ),
    );
  });

  test('a refusal never repeats more than 40 characters of what came in', () => {
    expect(() => parseAmountMinor('9'.repeat(10_000))).toThrow(/^9{40} is no whole number of minor units\.$/);
  });
});

describe('currencies', () => {
  test('each currency of the table is known under its own lower-case code', () => {
    for (const currency of currencies) expect(parseCurrency(currency)).toBe(currency);
  });

  test.each(['', 'USD', 'us', 'xyz', 'constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    '"%s" is unknown',
    (value) => {
      expect(codeThrown(() => parseCurrency(value))).toBe('CURRENCY_UNKNOWN');
    },
  );

  test('no text but the codes of the table is a currency', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !currencies.some((currency) => currency === text)),
        (text) => codeThrown(() => parseCurrency(text)) === 'CURRENCY_UNKNOWN',
      ),
    );
  });

  test("a minimum charge is a whole number of what Stripe accepts in its currency's exponent", () => {
    for (const { exponent, minimumChargeMinor, multipleOfMinor } of Object.values(CURRENCIES)) {
      expect([0, 2, 3]).toContain(exponent);
      expect(minimumChargeMinor % multipleOfMinor).toBe(0);
    }
  });
});

describe('amounts as people read them', () => {
  test.each([
    [{ amountMinor: 12_345, currency: 'usd' }, '123.45 USD'],
    [{ amountMinor: 5, currency: 'usd' }, '0.05 USD'],
    [{ amountMinor: 0, currency: 'eur' }, '0.00 EUR'],
    [{ amountMinor: -5, currency: 'gbp' }, '-0.05 GBP'],
    [{ amountMinor: 500, currency: 'jpy' }, '500 JPY'],
    [{ amountMinor: -500, currency: 'jpy' }, '-500 JPY'],
    [{ amountMinor: 1_234, currency: 'kwd' }, '1.234 KWD'],
    [{ amountMinor: 500_000, currency: 'ugx' }, '5000.00 UGX'],
    [{ amountMinor: 17_550, currency: 'huf' }, '175.50 HUF'],
    [{ amountMinor: Number.MAX_SAFE_INTEGER, currency: 'usd' }, '90071992547409.91 USD'],
  ] as const)('%o is %s', (money, text) => {
    expect(formatMoney(money)).toBe(text);
  });

  test('no minor unit is lost or made, in any currency', () => {
    fc.assert(
      fc.property(anyAmount, anyCurrency, (amountMinor, currency) => {
        expect(amountOf(formatMoney({ amountMinor, currency }), currency)).toBe(amountMinor + 0);
      }),
    );
  });
});
