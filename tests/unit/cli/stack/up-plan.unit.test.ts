import { expect, it } from 'vitest';
import type { Service } from '../../../../cli/stack/services/service.ts';
import type { ServiceName } from '../../../../cli/stack/services/service-names.ts';
import { planUp, type UpOptions } from '../../../../cli/stack/up-plan.ts';

const services = (['kafka', 'postgres', 'object-store'] as const).map(
  (name) => ({ name }) as Service,
);

function plan(options: UpOptions, running: readonly ServiceName[] = []) {
  const takesMinutes = ({ name }: Service): boolean => name === 'object-store';
  const { now, later } = planUp(services, options, new Set(running), takesMinutes);
  return { now: now.map(({ name }) => name), later: later.map(({ name }) => name) };
}

it('leaves a service whose program takes minutes to the background', () => {
  expect(plan({ slow: 'background' })).toEqual({
    now: ['kafka', 'postgres'],
    later: ['object-store'],
  });
});

it('starts it now when the caller waits', () => {
  expect(plan({ slow: 'wait' })).toEqual({
    now: ['kafka', 'postgres', 'object-store'],
    later: [],
  });
});

it('looks after one that runs already', () => {
  expect(plan({ slow: 'background' }, ['object-store']).later).toEqual([]);
});

it('takes only the services that are named', () => {
  expect(plan({ slow: 'background', names: ['postgres'] })).toEqual({
    now: ['postgres'],
    later: [],
  });
});
