//! Jobs that are refused, fail or panic, and a disk that is full.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::oneshot;

use super::{Reads as _, Span, Store, StoreError, Table, Tx, Writes as _, after_prefix};

const THINGS: Table = Table::new("things");

/// An error of the caller's own.
#[derive(Debug, PartialEq)]
enum Refused {
    Busy,
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[tokio::test]
async fn a_store_that_could_not_be_written_goes_on_by_itself() {
    let switch = Arc::new(AtomicBool::new(false));
    let store = Store::failing(Arc::clone(&switch), &[THINGS]);
    let put = |key: &'static [u8]| move |tx: &Tx| tx.put(THINGS, key, b"1");
    store.write(put(b"a")).await.unwrap();
    assert_eq!(store.probe().await, Ok(()));
    for _ in 0..2 {
        switch.store(true, Ordering::SeqCst);
        let refused = store.write(put(b"b")).await.unwrap_err();
        assert!(refused.to_string().contains("no space left"), "{refused}");
        // Readers read on, and why it fails is known.
        let stored = store.read().unwrap();
        assert_eq!(stored.get(THINGS, b"a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(stored.get(THINGS, b"b").unwrap(), None);
        assert_eq!(store.probe().await, Err(refused));
        switch.store(false, Ordering::SeqCst);
        while store.probe().await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        store.write(put(b"c")).await.unwrap();
        let stored = store.read().unwrap();
        assert_eq!(stored.get(THINGS, b"a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(stored.get(THINGS, b"c").unwrap(), Some(b"1".to_vec()));
    }
}

#[tokio::test]
async fn what_a_job_did_elsewhere_is_taken_back_with_it() {
    let switch = Arc::new(AtomicBool::new(false));
    let store = Store::failing(Arc::clone(&switch), &[THINGS]);
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let job = |fails: bool| {
        let count = Arc::clone(&count);
        move |tx: &Tx| {
            count.fetch_add(1, Ordering::SeqCst);
            let undone = Arc::clone(&count);
            tx.on_undo(move || {
                undone.fetch_sub(1, Ordering::SeqCst);
            });
            tx.put(THINGS, b"a", b"1")?;
            if fails { Err(Refused::Busy) } else { Ok(()) }
        }
    };
    store.write(job(false)).await.unwrap();
    assert!(store.write(job(true)).await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 1);
    switch.store(true, Ordering::SeqCst);
    assert!(store.write(job(false)).await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn the_key_after_a_prefix() {
    assert_eq!(after_prefix(&[1, 2]), [1, 3]);
    assert_eq!(after_prefix(&[1, 255]), [2]);
    assert!(after_prefix(&[255, 255]).as_slice() > [255, 255, 255].as_slice());
}

type TestJob = Box<dyn FnOnce(&Tx) -> Result<(), StoreError> + Send>;

/// Runs jobs in one commit, and tells what each answered.
async fn together(store: &Store, jobs: Vec<TestJob>) -> Vec<Result<(), StoreError>> {
    let (open, shut) = std::sync::mpsc::channel::<()>();
    // The writer is held until all of them wait.
    let held = store.post(
        move |_| {
            shut.recv().unwrap();
            Ok(())
        },
        |_: Result<(), StoreError>| {},
    );
    held.await.unwrap();
    let mut waiting = Vec::new();
    for job in jobs {
        let (tell, told) = oneshot::channel();
        store
            .post(job, move |answer| tell.send(answer).unwrap())
            .await
            .unwrap();
        waiting.push(told);
    }
    open.send(()).unwrap();
    let mut answers = Vec::new();
    for told in waiting {
        answers.push(told.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn a_job_that_fails_or_panics_is_undone_alone() {
    let store = Store::memory(&[THINGS]).unwrap();
    let put = |key: &'static [u8], value: &'static [u8]| move |tx: &Tx| tx.put(THINGS, key, value);
    store.write(put(b"a", b"1")).await.unwrap();
    store.write(put(b"b", b"1")).await.unwrap();
    let answers = together(
        &store,
        vec![
            Box::new(put(b"c", b"3")),
            Box::new(|tx| {
                tx.put(THINGS, b"a", b"2")?;
                tx.put(THINGS, b"c", b"4")?;
                tx.put(THINGS, b"d", b"4")?;
                tx.remove(THINGS, b"b")?;
                tx.remove_prefix(THINGS, b"");
                Err(StoreError::Failed("damaged".to_owned()))
            }),
            Box::new(|tx| {
                tx.put(THINGS, b"a", b"5")?;
                tx.remove_range(THINGS, b"a", b"d")?;
                panic!("a bug")
            }),
            Box::new(put(b"e", b"6")),
        ],
    )
    .await;
    let failed: Vec<bool> = answers.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, true, false]);
    let stored = store.read().unwrap();
    let all = Span {
        from: b"",
        to: b"z",
        newest_first: false,
        limit: 9,
    };
    let found = stored.range(THINGS, all).unwrap();
    let found: Vec<(&[u8], &[u8])> = found
        .iter()
        .map(|(key, value)| (&**key, &**value))
        .collect();
    let expect: [(&[u8], &[u8]); 4] = [(b"a", b"1"), (b"b", b"1"), (b"c", b"3"), (b"e", b"6")];
    assert_eq!(found, expect);
}

#[tokio::test]
async fn a_panic_after_a_commit_does_not_stop_the_writer() {
    let store = Store::memory(&[THINGS]).unwrap();
    let told = store
        .write_then(|_| Ok::<_, StoreError>(()), |_| panic!("a bug"))
        .await;
    assert!(told.is_err());
    store.write(|tx| tx.put(THINGS, b"a", b"1")).await.unwrap();
}

#[tokio::test]
async fn a_refused_job_leaves_the_batch_alone_and_a_store_failure_takes_it_back() {
    let store = Store::memory(&[THINGS]).unwrap();
    store.write(|tx| tx.put(THINGS, b"a", b"1")).await.unwrap();
    let refused = store.write(|_| Err::<(), _>(Refused::Busy)).await;
    assert_eq!(refused, Err(Refused::Busy));
    let failed = store
        .write(|tx| {
            tx.put(THINGS, b"b", b"2")?;
            Err::<(), _>(StoreError::Failed("disk full".to_owned()))
        })
        .await;
    assert_eq!(failed, Err(StoreError::Failed("disk full".to_owned())));
    let stored = store.read().unwrap();
    assert_eq!(stored.get(THINGS, b"a").unwrap(), Some(b"1".to_vec()));
    assert_eq!(stored.get(THINGS, b"b").unwrap(), None);
}
