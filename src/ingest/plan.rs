//! What all recordings of an ingest share, and what comes out of each.

use super::options::IngestOptions;
use super::shares::Threads;
use crate::columns::parquet::part::Part;
use crate::columns::parquet::properties::{properties, properties_of_events};
use crate::columns::schema::contract::{self, Contract};
use crate::columns::schema::layout::Layout;
use crate::columns::tables::events::EventsUsage;
use crate::columns::tables::links::EventLinks;
use crate::columns::tables::plans::Plans;
use crate::columns::tables::requests::{Common, RequestsUsage};
use crate::dataset::manifest::Recording;
use crate::label_spans::LabelSpan;
use crate::trace::event::EventClass;
use parquet::file::properties::WriterPropertiesPtr;
use std::sync::Arc;

/// What all recordings of an ingest share.
pub(super) struct Plan {
    pub options: IngestOptions,
    pub layout: Arc<Layout>,
    pub contracts: Contracts,
    /// How files are written, but those of `events`.
    pub properties: WriterPropertiesPtr,
    /// How those are.
    pub of_events: WriterPropertiesPtr,
    /// Those of each recording.
    pub threads: Threads,
}

pub(super) struct Contracts {
    pub events: Contract,
    pub requests: Contract,
    pub downstream: Contract,
    pub losses: Contract,
}

/// A recording that was read: what came out, as parts.
pub(super) struct Ingested {
    pub recording: Recording,
    pub classes: Arc<Vec<EventClass>>,
    pub events: (Vec<Part>, EventsUsage),
    pub requests: (Vec<Part>, RequestsUsage),
    pub downstream: Vec<Part>,
    pub losses: Vec<Part>,
    /// To what the events belong, which their parts do not say.
    pub links: EventLinks,
}

impl Plan {
    pub(super) fn new(options: IngestOptions, layout: Layout, threads: Threads) -> Self {
        Plan {
            layout: Arc::new(layout),
            contracts: Contracts {
                events: contract::events(),
                requests: contract::requests(),
                downstream: contract::downstream(),
                losses: contract::losses(),
            },
            properties: Arc::new(properties(options.codec.compression())),
            of_events: Arc::new(properties_of_events(options.codec.compression())),
            options,
            threads,
        }
    }

    /// What all requests of a recording have in common.
    pub(super) fn common(
        &self,
        trace_id: &str,
        label: Option<&String>,
        spans: Arc<[LabelSpan]>,
    ) -> Common {
        Common {
            trace_id: trace_id.to_owned(),
            label: label.cloned(),
            spans,
            rule: self.options.rule.rule.name,
            with_args: self.options.request_args,
        }
    }

    pub(super) fn plans(&self, classes: &[EventClass]) -> Plans {
        Plans::new(classes, &self.layout, &self.contracts.events)
    }
}
