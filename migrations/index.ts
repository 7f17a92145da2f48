import { CreateSchema1764000000000 } from './1764000000000-create-schema';

/** Every migration, oldest first. A list and no glob, so that a host can run it too. */
export const LATCHKEY_MIGRATIONS = [CreateSchema1764000000000];
