import { en } from './en';
import type { Catalogue } from './types';
export const de: Catalogue = en;
