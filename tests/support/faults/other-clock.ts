/**
 * Loaded before a process (`--import other-clock.ts?shift=MS`): its clock is off by so many
 * milliseconds. With `&of=now` only Date.now() is, so that what signs by the time is still heard.
 */
const asked = new URL(import.meta.url).searchParams;
const shift = Number(asked.get('shift') ?? 0);
const right = Date.now.bind(Date);

if (asked.get('of') === 'now') Date.now = () => right() + shift;
else
  globalThis.Date = new Proxy(Date, {
    construct: (target, args: ConstructorParameters<typeof Date> | []) =>
      args.length === 0 ? new target(right() + shift) : new target(...args),
    get: (target, name) =>
      name === 'now' ? () => right() + shift : (Reflect.get(target, name) as unknown),
  });
