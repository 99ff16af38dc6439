//! A store that is asked once for what does not change.
//!
//! The files of a dataset never change, and its manifest says how long they are. So nobody asks a store for the size of one,
//! and the end of a file, where the footer is, is read once, whoever wants to know of it: the schema of a table, the plan
//! of a scan, and the scan itself. Columns that stand apart are read apart: the client would read all between them, up to a
//! megabyte, which in a table of many columns is most of the file.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result, coalesce_ranges,
};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of the end of a file that are read at once: most footers are shorter.
pub(super) const TAIL: u64 = 64 << 10;
/// What is longer is read when it is asked for, and forgotten.
const LONGEST_TAIL: u64 = 16 << 20;
/// Bytes of ends of files that are kept.
const KEPT: u64 = 64 << 20;
/// Bytes between two ranges that are rather read than that a request of its own goes for the second.
const GAP: u64 = 16 << 10;

/// The store.
#[derive(Debug)]
pub(super) struct Remembering {
    inner: Arc<dyn ObjectStore>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    sizes: HashMap<Path, u64>,
    /// The end of an object, and where it begins.
    tails: HashMap<Path, (u64, Bytes)>,
    kept: u64,
}

impl Remembering {
    pub(super) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Remembering {
            inner,
            known: Mutex::default(),
        }
    }

    /// From now on nobody is asked how long this object is.
    pub(super) fn tell_size(&self, object: Path, bytes: u64) {
        let mut known = self.known();
        if known.sizes.insert(object.clone(), bytes) != Some(bytes)
            && let Some((_, tail)) = known.tails.remove(&object)
        {
            known.kept -= tail.len() as u64;
        }
    }

    /// The size of an object, where it is known.
    pub(super) fn size(&self, object: &Path) -> Option<u64> {
        self.known().sizes.get(object).copied()
    }

    /// The store itself.
    pub(super) fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes `range` of an object that is `size` bytes long, where they reach into its end.
    async fn of_tail(&self, object: &Path, range: &Range<u64>, size: u64) -> Result<Option<Bytes>> {
        let tail = self.known().tails.get(object).cloned();
        let (begin, tail) = tail.unwrap_or((size, Bytes::new()));
        let touches = range.end > begin || range.end == size;
        if !touches || range.end > size || size - range.start > LONGEST_TAIL {
            return Ok(None);
        }
        let slice = |begin: u64, tail: &Bytes| {
            tail.slice((range.start - begin) as usize..(range.end - begin) as usize)
        };
        if range.start >= begin {
            return Ok(Some(slice(begin, &tail)));
        }
        let from = range.start.min(size.saturating_sub(TAIL));
        let before = self.inner.get_range(object, from..begin).await?;
        if before.len() as u64 != begin - from {
            return Err(shorter(object, size));
        }
        let tail = Bytes::from([&before[..], &tail[..]].concat());
        let wanted = slice(from, &tail);
        let mut known = self.known();
        if known.kept > KEPT {
            known.tails.clear();
            known.kept = 0;
        }
        known.kept += before.len() as u64;
        known.tails.insert(object.clone(), (from, tail));
        Ok(Some(wanted))
    }
}

/// The error of an object that ends before its end.
fn shorter(object: &Path, size: u64) -> object_store::Error {
    object_store::Error::Generic {
        store: "store",
        source: format!("{object} has fewer bytes than the {size} that its manifest says").into(),
    }
}

/// Whether a request wants bytes, or the size, of an object as it is, whatever it is.
fn is_plain(options: &GetOptions) -> bool {
    options.if_match.is_none()
        && options.if_none_match.is_none()
        && options.if_modified_since.is_none()
        && options.if_unmodified_since.is_none()
        && options.version.is_none()
}

/// An answer that no store gave.
fn answer(object: &Path, size: u64, range: Range<u64>, bytes: Bytes) -> GetResult {
    GetResult {
        payload: GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed()),
        meta: ObjectMeta {
            location: object.clone(),
            last_modified: DateTime::<Utc>::UNIX_EPOCH,
            size,
            e_tag: None,
            version: None,
        },
        range,
        attributes: Attributes::default(),
    }
}

impl fmt::Display for Remembering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Remembering {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let size = self.size(location).filter(|_| is_plain(&options));
        let Some(size) = size else {
            return self.inner.get_opts(location, options).await;
        };
        if options.head {
            return Ok(answer(location, size, 0..0, Bytes::new()));
        }
        if let Some(GetRange::Bounded(range)) = &options.range
            && let Some(bytes) = self.of_tail(location, range, size).await?
        {
            return Ok(answer(location, size, range.clone(), bytes));
        }
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let one = |range: Range<u64>| async move { self.get_range(location, range).await };
        coalesce_ranges(ranges, one, GAP).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    fn wait<T>(work: impl Future<Output = T>) -> T {
        let threads = tokio::runtime::Builder::new_current_thread().build();
        threads.unwrap().block_on(work)
    }

    /// A store with an object of so many bytes, each another than the one before.
    fn with_object(bytes: u64) -> (Remembering, Path, Vec<u8>) {
        let (inner, path) = (Arc::new(InMemory::new()), Path::from("a/b"));
        let content: Vec<u8> = (0..bytes).map(|n| (n % 251) as u8).collect();
        wait(inner.put(&path, content.clone().into())).unwrap();
        (Remembering::new(inner), path, content)
    }

    #[test]
    fn the_end_of_a_file_is_read_once() {
        let (store, path, content) = with_object(200_000);
        store.tell_size(path.clone(), 200_000);
        let read = |range: Range<u64>| wait(store.get_range(&path, range));
        assert_eq!(read(199_992..200_000).unwrap()[..], content[199_992..]);
        // Nothing is there any more, so what is read is what was kept.
        let gone = |store: &Remembering| wait(store.inner.delete(&path)).unwrap();
        let longer = read(100_000..199_992).unwrap();
        assert_eq!(longer[..], content[100_000..199_992]);
        gone(&store);
        assert_eq!(read(100_000..200_000).unwrap()[..], content[100_000..]);
        assert_eq!(
            read(150_000..150_001).unwrap()[..],
            content[150_000..150_001]
        );
        assert_eq!(wait(store.head(&path)).unwrap().size, 200_000);
        assert!(read(99_999..100_000).is_err());
    }

    #[test]
    fn what_is_not_known_is_asked_for() {
        let (store, path, content) = with_object(1000);
        assert_eq!(wait(store.head(&path)).unwrap().size, 1000);
        assert_eq!(
            wait(store.get_range(&path, 10..20)).unwrap()[..],
            content[10..20]
        );
        assert!(wait(store.head(&Path::from("a/c"))).is_err());
        store.tell_size(path.clone(), 1000);
        assert!(wait(store.get_range(&path, 1000..1001)).is_err());
        assert_eq!(wait(store.get(&path)).unwrap().range, 0..1000);
    }

    #[test]
    fn ranges_that_stand_apart_are_those_that_were_asked_for() {
        let (store, path, content) = with_object(300_000);
        store.tell_size(path.clone(), 300_000);
        let ranges = [0..10, 20..30, 100_000..100_007, 299_990..300_000];
        let read = wait(store.get_ranges(&path, &ranges)).unwrap();
        for (bytes, range) in read.iter().zip(ranges) {
            assert_eq!(bytes[..], content[range.start as usize..range.end as usize]);
        }
    }

    #[test]
    fn an_object_of_another_size_is_another() {
        let (store, path, _) = with_object(100);
        store.tell_size(path.clone(), 100);
        wait(store.get_range(&path, 92..100)).unwrap();
        wait(store.inner.put(&path, vec![7; 120].into())).unwrap();
        store.tell_size(path.clone(), 120);
        assert_eq!(wait(store.get_range(&path, 112..120)).unwrap()[..], [7; 8]);
    }
}
