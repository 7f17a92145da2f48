/** Provided by an application that has its origin to itself: tabs of the console may then hand the session to one another. */
export const CONSOLE_HAS_OWN_ORIGIN = Symbol('console has its own origin');
