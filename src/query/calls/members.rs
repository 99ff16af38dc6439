//! Members of arguments that alone are wanted: they are taken out of the events, before they wait.
//!
//! The arguments of all calls are some hundred columns, of which a question is about one or two. A projection above the
//! operator says which, and what it takes out of the arguments of one event can be taken out of that event where it is read.

use super::layout::{Column as Made, Layout, Of, READ};
use datafusion::common::Result;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::{PhysicalExprRef, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use std::sync::Arc;

/// The function that takes a member out of a structure; of nothing it takes nothing.
const MEMBER: &str = "get_field";

/// What is read of `events`, and the columns that come out of it, where `projection` stands above the operator. `None` where
/// it is more than columns and members of them, or nothing less than all.
pub(super) fn below(
    projection: &ProjectionExec,
    events: &Arc<dyn ExecutionPlan>,
    layout: &Layout,
) -> Result<Option<(Arc<dyn ExecutionPlan>, Layout)>> {
    let mut inputs = Inputs::new(events);
    let (mut columns, mut members) = (Vec::new(), 0);
    for projected in projection.expr() {
        let Some((of, from)) = origin(&projected.expr, layout) else {
            return Ok(None);
        };
        let from = match from {
            None => None,
            Some(from) if projected.expr.downcast_ref::<Column>().is_some() => {
                Some(inputs.column(from))
            }
            Some(from) => {
                members += 1;
                Some(inputs.member(of_event(&projected.expr, inputs.named(from))?))
            }
        };
        columns.push(Made { of, from });
    }
    if members == 0 && columns.len() >= layout.columns.len() {
        return Ok(None);
    }
    let layout = Layout {
        input: Vec::new(),
        columns,
        schema: projection.schema(),
        errnos: Arc::clone(&layout.errnos),
    };
    let read = ProjectionExec::try_new(inputs.read, Arc::clone(events))?;
    Ok(Some((Arc::new(read), layout)))
}

/// Where an expression has its values from: the event, and its column; `None` where it is no column and no member of one.
fn origin(expression: &PhysicalExprRef, layout: &Layout) -> Option<(Of, Option<usize>)> {
    if let Some(column) = expression.downcast_ref::<Column>() {
        let made = &layout.columns[column.index()];
        return Some((made.of, made.from));
    }
    let function = expression.downcast_ref::<ScalarFunctionExpr>()?;
    let (structure, path) = function.args().split_first()?;
    let plain = path
        .iter()
        .all(|name| name.downcast_ref::<Literal>().is_some());
    let (of, from) = origin(structure, layout)?;
    let one = matches!(of, Of::Entry | Of::Exit) && from.is_some();
    (function.name() == MEMBER && plain && one).then_some((of, from))
}

/// A member of a column as that of the column `from` of events.
fn of_event(expression: &PhysicalExprRef, from: PhysicalExprRef) -> Result<PhysicalExprRef> {
    if expression.downcast_ref::<Column>().is_some() {
        return Ok(from);
    }
    let mut children: Vec<PhysicalExprRef> = expression.children().into_iter().cloned().collect();
    if let Some(structure) = children.first_mut() {
        *structure = of_event(structure, from)?;
    }
    Arc::clone(expression).with_new_children(children)
}

/// What is read of events.
struct Inputs<'e> {
    events: &'e Arc<dyn ExecutionPlan>,
    read: Vec<ProjectionExpr>,
    /// The columns among it.
    columns: Vec<Option<usize>>,
}

impl<'e> Inputs<'e> {
    /// What pairing reads.
    fn new(events: &'e Arc<dyn ExecutionPlan>) -> Self {
        let mut inputs = Inputs {
            events,
            read: Vec::new(),
            columns: Vec::new(),
        };
        for number in 0..READ.len() {
            inputs.column(number);
        }
        inputs
    }

    fn named(&self, number: usize) -> PhysicalExprRef {
        let schema = self.events.schema();
        Arc::new(Column::new(schema.field(number).name(), number))
    }

    /// The place of a column of events.
    fn column(&mut self, number: usize) -> usize {
        let known = self.columns.iter().position(|known| *known == Some(number));
        known.unwrap_or_else(|| {
            let name = self.events.schema().field(number).name().clone();
            self.add(self.named(number), name, Some(number))
        })
    }

    /// The place of a member.
    fn member(&mut self, expression: PhysicalExprRef) -> usize {
        let name = format!("member_{}", self.read.len());
        self.add(expression, name, None)
    }

    fn add(&mut self, expr: PhysicalExprRef, alias: String, column: Option<usize>) -> usize {
        self.read.push(ProjectionExpr { expr, alias });
        self.columns.push(column);
        self.read.len() - 1
    }
}
