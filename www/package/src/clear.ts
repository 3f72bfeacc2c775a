/** Removing all stored data from this browser. */
import { RejoinError } from "./errors.js";
import { inTime } from "./in-time.js";
import { storing } from "./store/options.js";

/** As the engine calls them. */
const PREFIX = "rejoin:";
const DATABASE = "rejoin";
/** How long the browser may take. Another tab of another version may be in the way. */
const CLEARED_MS = 5_000;

/** Keys of a store; none where storage is refused. */
function clearStore(storage: () => Storage): void {
  try {
    const store = storage();
    for (const key of Object.keys(store)) if (key.startsWith(PREFIX)) store.removeItem(key);
  } catch {
    // What cannot be used has stored nothing.
  }
}

/** Undefined where there is no IndexedDB. */
function databases(): IDBFactory | undefined {
  try {
    return indexedDB;
  } catch {
    return undefined;
  }
}

const deleted = (factory: IDBFactory): Promise<void> =>
  new Promise((done, failed) => {
    const request = factory.deleteDatabase(DATABASE);
    request.onsuccess = () => done();
    request.onerror = () => failed(request.error);
  });

/**
 * Removes all data of Rejoin from this browser and origin: the run records, in `localStorage` and in this tab's
 * `sessionStorage`, and the threads that the option `cache` has saved. Call it for a logout. Existing streams store nothing more in
 * this page, until the next one begins. The application itself must clear a `storage` of its own.
 *
 * @throws RejoinError `clear_failed` where the browser does not remove the saved threads, or not within 5 seconds
 */
export async function clearRejoinData(): Promise<void> {
  storing.allowed = false;
  if (typeof document === "undefined") return;
  clearStore(() => localStorage);
  clearStore(() => sessionStorage);
  const factory = databases();
  if (!factory) return;
  try {
    await inTime(deleted(factory), CLEARED_MS, "The browser has not removed the saved threads");
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new RejoinError("clear_failed", "The saved threads could not be removed.", { detail: words, cause });
  }
}
