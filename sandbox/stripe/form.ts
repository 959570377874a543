/** A form as Stripe reads it: strings, and records of them by brackets; indexes and `[]` make lists. */
type FormValue = string | FormRecord | FormValue[];
export interface FormRecord {
  [name: string]: FormValue;
}

/** `a[b][0]=c` as `{ a: { b: ['c'] } }`. */
export function parseForm(text: string): FormRecord {
  const root: FormRecord = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const path = name.replaceAll(']', '').split('[');
    let place = root;
    path.forEach((part, index) => {
      const key = part === '' ? String(Object.keys(place).length) : part;
      if (index === path.length - 1) {
        place[key] = value;
        return;
      }
      const next = place[key];
      const record: FormRecord =
        typeof next === 'object' && !Array.isArray(next) ? next : Object.create(null);
      place[key] = record;
      place = record;
    });
  }
  return withLists(root) as FormRecord;
}

function withLists(value: FormValue): FormValue {
  if (typeof value === 'string' || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([name, inner]): [string, FormValue] => [name, withLists(inner)]);
  if (entries.length > 0 && entries.every(([name], index) => name === String(index)))
    return entries.map(([, inner]) => inner);
  return Object.fromEntries(entries);
}
