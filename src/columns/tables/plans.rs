//! What the events of each class need to be put into columns, worked out once.

use crate::columns::schema::contract::Contract;
use crate::columns::schema::kind::Kind;
use crate::columns::schema::layout::Layout;
use crate::columns::schema::route::{Route, route};
use crate::trace::event::{EventClass, FieldType, Phase, bare_names};
use arrow::array::StringArray;
use std::sync::Arc;

/// What a class's events need to be put into columns.
pub struct ClassPlan {
    /// Number of the bare name.
    pub(super) name: i32,
    /// Number of the phase.
    pub(super) phase: i32,
    /// For each field of the context its column and route.
    pub(super) context: Vec<(usize, Route)>,
    /// The same for the payload.
    pub args: Vec<(usize, Route)>,
    /// The payload field that is `ret`.
    pub(super) ret: Option<usize>,
    /// The payload field that is `path`.
    pub(super) path: Option<usize>,
}

/// Plans for all classes of a recording, and what their numbers of names and phases stand for.
pub struct Plans {
    /// One for each class.
    pub classes: Vec<ClassPlan>,
    /// Bare names, by their numbers.
    pub names: Arc<StringArray>,
    /// Phases, by theirs.
    pub phases: Arc<StringArray>,
}

impl Plans {
    /// The plans of `classes` for `layout`; `contract` is that of `events`.
    pub fn new(classes: &[EventClass], layout: &Layout, contract: &Contract) -> Self {
        let (names, numbers) = bare_names(classes);
        let plan = |(class, name): (&EventClass, u32)| ClassPlan {
            name: name as i32,
            phase: class.phase as i32,
            context: class
                .context
                .iter()
                .map(|f| route(&layout.context, f))
                .collect(),
            args: class
                .payload
                .iter()
                .map(|f| route(&layout.args, f))
                .collect(),
            ret: class.field("ret").filter(|i| {
                class.phase == Phase::Exit && Kind::of(&class.payload[*i].ty) == Kind::Int
            }),
            path: contract.path_arguments.iter().find_map(|name| {
                class
                    .field(name)
                    .filter(|i| class.payload[*i].ty == FieldType::Text)
            }),
        };
        let plans = classes.iter().zip(numbers).map(plan).collect();
        let phases = [Phase::Entry, Phase::Exit, Phase::Point].map(Phase::as_str);
        Plans {
            classes: plans,
            names: Arc::new(StringArray::from(names)),
            phases: Arc::new(StringArray::from(phases.to_vec())),
        }
    }
}
