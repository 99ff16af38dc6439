//! The threads at the end of an ingest, which fill the tables of a recording: `columns` those of events, `requests` the others.

use super::labels::Resolved;
use super::logged::{self, LogFile};
use super::plan::Plan;
use super::task::About;
use super::worker::Ended;
use crate::access_log::AccessLog;
use crate::calls::PairedBatch;
use crate::columns::parquet::part::Part;
use crate::columns::tables::downstream::DownstreamTable;
use crate::columns::tables::events::{Common, EventsTable, EventsUsage};
use crate::columns::tables::links::{EventLinks, LinkWriter};
use crate::columns::tables::requests::{RequestsTable, RequestsUsage};
use crate::dataset::access_lines::AccessLines;
use crate::dataset::tables;
use crate::error::{Error, Result};
use crate::trace::event::EventClass;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

/// The tables of a recording, which its threads fill.
pub(super) struct Tables {
    pub events: EventsTable,
    pub others: Others,
}

/// Those of what has ended.
pub(super) struct Others {
    requests: RequestsTable,
    downstream: DownstreamTable,
    links: Links,
    /// Which lines of it belong to a request is looked up here, where there is most time.
    access_log: Option<AccessLog>,
}

/// The links of events.
struct Links {
    requests: LinkWriter,
    services: LinkWriter,
}

impl Tables {
    /// No rows of a recording with events of these classes, whose parts have these labels.
    ///
    /// # Errors
    /// [`Error::Io`] where a folder or a thread cannot be had, [`Error::Fault`] where columns are not those of the contract,
    /// and as [`LogFile::read`].
    pub(super) fn new(
        plan: &Plan,
        about: &About,
        labels: &Resolved,
        classes: &Arc<Vec<EventClass>>,
    ) -> Result<Self> {
        let plans = Arc::new(plan.plans(classes));
        let folder = |name: &str| {
            let dir = about.scratch.join(name);
            std::fs::create_dir(&dir)
                .map_err(Error::io("create", &dir))
                .map(|()| dir)
        };
        let common = Common {
            trace_id: about.trace_id.clone(),
            label: about.described.label.clone(),
            classes: Arc::clone(classes),
            layout: Arc::clone(&plan.layout),
            plans: Arc::clone(&plans),
        };
        let events = EventsTable::new(
            folder(tables::EVENTS)?,
            &plan.contracts.events,
            &common,
            Arc::clone(&plan.of_events),
            plan.threads.fill,
        )?;
        let label = about.described.label.as_ref();
        let requests = RequestsTable::new(
            folder(tables::REQUESTS)?,
            &plan.contracts.requests,
            &plan.common(&about.trace_id, label, labels.spans()),
            classes,
            (&plan.layout, &plans),
            (&plan.properties, plan.threads.groups),
        )?;
        let downstream = DownstreamTable::new(
            folder(tables::DOWNSTREAM)?,
            &plan.contracts.downstream,
            &about.trace_id,
            Arc::clone(&plan.properties),
        )?;
        let access_log = about.described.access_log.as_ref();
        let access_log = access_log.map(LogFile::read).transpose()?;
        let links = Links {
            requests: LinkWriter::new(folder("request_id")?),
            services: LinkWriter::new(folder("service_id")?),
        };
        Ok(Tables {
            events,
            others: Others {
                requests,
                downstream,
                links,
                access_log,
            },
        })
    }
}

/// The thread `columns`: puts the values of `batches` into the columns of `events`, and gives each back through `empty`.
///
/// # Errors
/// [`Error::Io`] and [`Error::Columns`] where they cannot be written.
pub(super) fn columns(
    mut events: EventsTable,
    batches: Receiver<PairedBatch>,
    empty: SyncSender<PairedBatch>,
) -> Result<(Vec<Part>, EventsUsage)> {
    for batch in batches {
        let batch = Arc::new(batch);
        events.append(&batch)?;
        if let Some(mut batch) = Arc::into_inner(batch) {
            batch.events.clear();
            // The reader may have finished.
            let _ = empty.try_send(batch);
        }
    }
    events.finish()
}

/// What the thread `requests` leaves.
pub(super) struct Written {
    pub requests: (Vec<Part>, RequestsUsage),
    pub downstream: Vec<Part>,
    pub links: EventLinks,
    /// How the access log and the requests went together.
    pub access_log: Option<AccessLines>,
}

/// The thread `requests`: writes `requests` and `downstream`, and notes which events belong to them.
///
/// # Errors
/// As [`columns`].
pub(super) fn requests(mut tables: Others, ended: Receiver<Ended>) -> Result<Written> {
    for mut ended in ended {
        if let Some(log) = &mut tables.access_log {
            ended.requests.iter_mut().for_each(|r| log.give(r));
        }
        tables.links.add(&ended)?;
        tables.requests.append(ended.requests)?;
        tables.downstream.append(ended.services)?;
    }
    Ok(Written {
        requests: tables.requests.finish()?,
        downstream: tables.downstream.finish()?,
        links: tables.links.finish()?,
        access_log: tables.access_log.map(|log| logged::counts(log.tally())),
    })
}

impl Links {
    fn add(&mut self, ended: &Ended) -> Result<()> {
        for request in &ended.requests {
            let events = request.nested.iter().map(|event| event.event_id);
            self.requests.link(events, request.id)?;
        }
        for service in &ended.services {
            let events = service.of.event_ids.iter().copied();
            self.services.link(events, service.work.id)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<EventLinks> {
        Ok(EventLinks {
            requests: self.requests.finish()?,
            services: self.services.finish()?,
        })
    }
}
