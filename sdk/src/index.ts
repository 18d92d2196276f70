export { createProducer } from './producer.ts';
export type { EmittedAction, EmittedServe, Producer, ProducerOptions } from './producer.ts';
export type {
  ActionArguments,
  ActionFields,
  AnyAction,
  MovieAction,
  PlayAction,
  ProgressAction,
  RateAction,
  SearchAction,
  ServeFields,
} from './actions.ts';
export type { Counts } from './record-buffer.ts';
export type { Delivery } from './delivery.ts';
export { MarqueeError } from '../../common/error.ts';
export { ACTIONS } from '../../schemas/user-action.ts';
export type { Action } from '../../schemas/user-action.ts';
