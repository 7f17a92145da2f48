/** One kind of clean-up. */
export interface MaintenanceJob {
  /** Removes one batch. @returns whether there may be more. */
  runBatch(): Promise<boolean>;
}

/** Every clean-up, in the order they run. */
export const MAINTENANCE_JOBS = Symbol('MAINTENANCE_JOBS');
