//! Members of arguments that alone are wanted: they are taken out of the events, before they wait.
//!
//! The arguments of all calls are some hundred columns, of which a question is about one or two. A projection above the
//! operator says which, and what it takes out of the arguments of one event can be taken out of that event where it is read.

use super::layout::{Column as Made, Layout, Of, READ};
use arrow::datatypes::{Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::{PhysicalExprRef, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use std::sync::Arc;

/// The function that takes a member out of a structure; of nothing it takes nothing.
const MEMBER: &str = "get_field";

/// The operator's input and columns, where of what it makes only what `projection` needs is made; and the projection over
/// them. `None` where that is nothing less.
pub(super) fn below(
    projection: &ProjectionExec,
    events: &Arc<dyn ExecutionPlan>,
    layout: &Layout,
) -> Result<Option<Below>> {
    let (over, wanted) = parted(projection, layout)?;
    let plain = |wanted: &PhysicalExprRef| wanted.downcast_ref::<Column>().is_some();
    if wanted.iter().all(plain) && wanted.len() >= layout.columns.len() {
        return Ok(None);
    }
    let mut inputs = Inputs::new(events);
    let (mut columns, mut fields) = (Vec::new(), Vec::new());
    for (number, wanted) in wanted.iter().enumerate() {
        let Some((of, from)) = origin(wanted, layout) else {
            return internal_err!("what is wanted is of an event");
        };
        let from = match from {
            Some(from) if plain(wanted) => Some(inputs.column(from)),
            Some(from) => Some(inputs.member(of_event(wanted, inputs.named(from))?)),
            None => None,
        };
        columns.push(Made { of, from });
        fields.push(match wanted.downcast_ref::<Column>() {
            Some(column) => layout.schema.field(column.index()).clone(),
            None => Field::new(
                name(wanted, number),
                wanted.data_type(&layout.schema)?,
                true,
            ),
        });
    }
    Ok(Some(Below {
        events: Arc::new(ProjectionExec::try_new(inputs.read, Arc::clone(events))?),
        layout: Layout {
            input: Vec::new(),
            columns,
            schema: Arc::new(Schema::new(fields)),
            errnos: Arc::clone(&layout.errnos),
        },
        over,
    }))
}

/// The expressions of a projection over what they need, and what that is: columns, and members of columns.
fn parted(
    projection: &ProjectionExec,
    layout: &Layout,
) -> Result<(Vec<ProjectionExpr>, Vec<PhysicalExprRef>)> {
    let mut wanted: Vec<PhysicalExprRef> = Vec::new();
    let over = projection.expr().iter().map(|projected| {
        let expr = Arc::clone(&projected.expr).transform_down(|node| {
            if origin(&node, layout).is_none() {
                return Ok(Transformed::no(node));
            }
            let known = wanted
                .iter()
                .position(|known| known.as_ref() == node.as_ref());
            let number = known.unwrap_or(wanted.len());
            let column: PhysicalExprRef = Arc::new(Column::new(&name(&node, number), number));
            if known.is_none() {
                wanted.push(node);
            }
            Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
        })?;
        let alias = projected.alias.clone();
        Ok(ProjectionExpr {
            expr: expr.data,
            alias,
        })
    });
    let over = over.collect::<Result<Vec<_>>>()?;
    Ok((over, wanted))
}

/// What [`below`] makes.
pub(super) struct Below {
    /// What is read.
    pub events: Arc<dyn ExecutionPlan>,
    /// What comes out of it.
    pub layout: Layout,
    /// What is projected over that.
    pub over: Vec<ProjectionExpr>,
}

/// Name of a column between.
fn name(wanted: &PhysicalExprRef, number: usize) -> String {
    match wanted.downcast_ref::<Column>() {
        Some(column) => column.name().to_owned(),
        None => format!("member_{number}"),
    }
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
        let name = name(&expression, self.read.len());
        self.add(expression, name, None)
    }

    fn add(&mut self, expr: PhysicalExprRef, alias: String, column: Option<usize>) -> usize {
        self.read.push(ProjectionExpr { expr, alias });
        self.columns.push(column);
        self.read.len() - 1
    }
}
