// What a page has saved of threads.

/** How many states are saved in this page's origin. A predicate of `waitForFunction` cannot ask: a promise is as good as true to it. */
export const savedStates = (page) =>
  page.evaluate(async () => {
    if (!(await indexedDB.databases()).some(({ name }) => name === "rejoin")) return 0;
    const database = await new Promise((done) => { indexedDB.open("rejoin").onsuccess = ({ target }) => done(target.result); });
    const names = await new Promise((done) => { database.transaction("states").objectStore("states").getAllKeys().onsuccess = ({ target }) => done(target.result); });
    database.close();
    return names.filter((name) => name !== "index").length;
  });
