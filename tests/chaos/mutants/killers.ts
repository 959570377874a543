/** A test that is red while a defect is in the tree, and green without it. */
export interface Killer {
  readonly file: string;
  /** Its whole name: those of its describes and its own, with ` > ` between them. */
  readonly test: string;
  /** The check of the audit that the test must name. */
  readonly check?: string;
}

/** One deliberate defect; its patch is `<name>.patch` in this folder. */
export interface Mutant {
  readonly name: string;
  readonly invariants: readonly string[];
  readonly breaks: string;
  readonly redBy: Killer;
}

/** Books that the SQL functions made, read by the audit: red by the check that a defect of them breaks. */
export const audited = (check: string): Killer => ({
  file: 'tests/real/audit.test.ts',
  test: "books made by the jobs' own functions keep every promise, and what is open in them is listed",
  check,
});
export const inFile =
  (file: string) =>
  (test: string): Killer => ({ file, test });
export const catalogue = inFile('tests/real/catalogue.test.ts');
export const ledger = inFile('tests/real/ledger.test.ts');
export const fences = inFile('tests/real/fences.test.ts');
export const reconciliation = inFile('tests/real/reconciliation.test.ts');
export const road = inFile('tests/real/road.test.ts');
export const queue = inFile('tests/real/queue-contract.test.ts');
export const stripeClient = inFile('tests/unit/stripe-client.test.ts');
export const sending = inFile('tests/unit/sending.test.ts');
export const uniqueRow = (table: string, columns: string) =>
  catalogue(`tables > there is one row of ${table} for each (${columns}), whatever the code does`);
export const breakOf = (what: string) =>
  reconciliation(`a break > ${what} stops payouts of its currency only, and keeps its identity`);
