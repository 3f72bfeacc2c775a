/** Removing all stored data from this browser. */
import { RejoinError } from "./errors.js";
import { inTime } from "./in-time.js";

/** As the engine calls them. */
const PREFIX = "rejoin:";
const DATABASE = "rejoin";
/**
 * The key of the mark that a logout leaves; each logout leaves a different one. By it, the engines of all tabs know that their data is from
 * before the logout.
 */
const LOGOUT_KEY = "rejoin-logout";
/** How long the browser may take. Another tab of another version may be in the way. */
const CLEARED_MS = 5_000;

/** Leaves the mark, which a full storage has no room for. */
function leaveMark(storage: () => Storage, mark: string): void {
  try {
    storage().setItem(LOGOUT_KEY, mark);
  } catch {
    // What cannot be used has stored nothing.
  }
}

/** Removes what is ours. */
function clearStore(storage: () => Storage): void {
  try {
    const store = storage();
    for (const key of Object.keys(store)) if (key.startsWith(PREFIX)) store.removeItem(key);
  } catch {
    // What cannot be used has stored nothing.
  }
}

/** The mark comes first: a tab that hears of the removal must see it. A full storage has room for it only afterwards. */
function clearMarked(storage: () => Storage, mark: string): void {
  leaveMark(storage, mark);
  clearStore(storage);
  leaveMark(storage, mark);
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
 * Removes all data of Rejoin from this browser and origin. Call it at a logout. The data are the run records and unsent submissions, in
 * `localStorage` and in the `sessionStorage` of each tab, and the threads that the option `cache` has saved.
 *
 * Existing streams, in this tab and in others, then store and read nothing more; later streams do. Existing streams still show and send,
 * so the application must dispose of them. It must also clear a `storage` of its own.
 *
 * A random text stays in `localStorage`. It tells other tabs of the logout.
 *
 * @throws RejoinError `clear_failed` if the browser does not remove the saved threads within 5 seconds
 */
export async function clearRejoinData(): Promise<void> {
  if (typeof document === "undefined") return;
  const mark = crypto.getRandomValues(new Uint32Array(4)).join("-");
  clearMarked(() => localStorage, mark);
  clearMarked(() => sessionStorage, mark);
  try {
    const factory = databases();
    if (factory) await inTime(deleted(factory), CLEARED_MS, "The browser has not removed the saved threads");
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new RejoinError("clear_failed", "The saved threads could not be removed.", { detail: words, cause });
  } finally {
    // Another tab may have stored something before it could see the mark.
    clearStore(() => localStorage);
  }
}
