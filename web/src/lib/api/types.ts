// Short names for the generated types of the appliance's answers.

import type { components, paths } from './schema';

type Schemas = components['schemas'];

export type CloudStatus = Schemas['CloudBody'];
export type DailySummary = Schemas['DailySummary'];
export type Device = Schemas['Device'];
export type FlagCode = Schemas['FlagCode'];
export type FlagEvent = Schemas['FlagEvent'];
export type Health = Schemas['Health'];
export type HistoryRow = Schemas['HistoryRow'];
export type Registered = Schemas['RegisteredBody'];
export type System = Schemas['System'];

/** What a sum of days is made from. */
export type Figures = Omit<Schemas['Figures'], 'self_consumption' | 'solar_offset' | 'self_sufficiency' | 'savings'> & {
  savings?: Pick<Schemas['Savings'], 'amount' | 'currency'>;
};

type Json<Operation> = Operation extends { responses: { 200: { content: { 'application/json': infer Body } } } }
  ? Body
  : never;
type Query<Operation> = Operation extends { parameters: { query?: infer Parameters } }
  ? NonNullable<Parameters>
  : never;

/** Paths that answer GET with JSON. */
export type GetPath = {
  [P in keyof paths]: paths[P] extends { get: infer Get } ? ([Json<Get>] extends [never] ? never : P) : never;
}[keyof paths];

export type Answer<P extends GetPath> = paths[P] extends { get: infer Get } ? Json<Get> : never;
export type Parameters<P extends GetPath> = paths[P] extends { get: infer Get } ? Query<Get> : never;
