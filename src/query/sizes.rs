//! How large the expressions and types of a plan become, when they are written out.
//!
//! A filter above a subquery is moved below it, where each column that it names is replaced by the expression that the
//! subquery has for it; some operators are replaced by others that have an operand twice, as `x BETWEEN a AND b` is by `x >= a
//! AND x <= b`. Done again and again, either makes an expression of millions of parts out of a line of text, and so does a
//! structure whose members are both the structure before ([`structures`](super::structures) sees that while plans are made). All of
//! it can be counted without doing it.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion, TreeNodeVisitor};
use datafusion::common::{Column, DFSchema};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Parts that an expression may gain when it is written out.
const GROWN: usize = 20_000;
/// Members of a type, with those of its members.
const MEMBERS: usize = 20_000;
/// Functions that are replaced by expressions that have all operands but the last twice.
const DOUBLING: [&str; 4] = ["coalesce", "nvl", "ifnull", "nullif"];

/// The parts of each column of a plan's node, of those that are not counted yet.
#[derive(Default)]
pub(super) struct Sizes {
    /// Of the nodes whose parent was not met yet.
    done: Vec<Vec<usize>>,
    /// How many there were when a node was begun.
    begun: Vec<usize>,
}

impl Sizes {
    /// A node begins; those below it come next.
    pub(super) fn begin(&mut self) {
        self.begun.push(self.done.len());
    }

    /// A node ends, all below it were met.
    ///
    /// # Errors
    /// What becomes too large.
    pub(super) fn end(&mut self, node: &LogicalPlan) -> Result<(), String> {
        let inputs = node.inputs();
        let below = self.done.len().saturating_sub(inputs.len());
        let of_inputs = self.done.split_off(below);
        // Those of subqueries in expressions are of no use above them.
        self.done.truncate(self.begun.pop().unwrap_or_default());
        let of_column = |column: &Column| {
            let found = inputs.iter().zip(&of_inputs).find_map(|(input, sizes)| {
                let at = input.schema().maybe_index_of_column(column)?;
                sizes.get(at).copied()
            });
            found.unwrap_or(1)
        };
        let moves = matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
        for expr in node.expressions() {
            let written_out = match moves {
                true => parts(&expr, &of_column),
                false => parts(&expr, &|_| 1),
            };
            if written_out.saturating_sub(count(&expr)) > GROWN {
                return Err(format!(
                    "an expression comes to more than {GROWN} parts when the columns of subqueries that it names are written \
                     out: write a subquery to a table first, with CREATE TABLE … AS"
                ));
            }
        }
        if !matches!(node, LogicalPlan::TableScan(_)) {
            let mut types = node.schema().fields().iter().map(|f| f.data_type());
            types.try_for_each(check_type)?;
        }
        self.done.push(columns(node, &of_inputs, &of_column));
        Ok(())
    }
}

/// The parts of each column that a node has.
fn columns(
    node: &LogicalPlan,
    of_inputs: &[Vec<usize>],
    of_column: &dyn Fn(&Column) -> usize,
) -> Vec<usize> {
    let count = node.schema().fields().len();
    match node {
        LogicalPlan::Projection(projection) => projection
            .expr
            .iter()
            .map(|expr| parts(expr, of_column))
            .collect(),
        LogicalPlan::Aggregate(aggregate) => {
            let groups = aggregate.group_expr.iter().map(|e| parts(e, of_column));
            groups.chain(std::iter::repeat(1)).take(count).collect()
        }
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Union(_) => {
            let most = |at| of_inputs.iter().filter_map(|input| input.get(at)).max();
            (0..count)
                .map(|at| most(at).copied().unwrap_or(1))
                .collect()
        }
        _ => named(node.schema(), of_column),
    }
}

/// The parts of columns that a node has as they are, by their names.
fn named(schema: &DFSchema, of_column: &dyn Fn(&Column) -> usize) -> Vec<usize> {
    schema.columns().iter().map(of_column).collect()
}

/// The parts of an expression as it stands.
fn count(expr: &Expr) -> usize {
    let mut count = 0;
    let _ = expr.apply(|_| {
        count += 1;
        Ok::<_, DataFusionError>(TreeNodeRecursion::Continue)
    });
    count
}

/// The parts of an expression when it is written out, with those that `of_column` tells of each column.
fn parts(expr: &Expr, of_column: &dyn Fn(&Column) -> usize) -> usize {
    let mut written = WrittenOut {
        of_column,
        open: vec![Vec::new()],
    };
    let _ = expr.visit(&mut written);
    written.open.concat().first().copied().unwrap_or(1)
}

struct WrittenOut<'a> {
    of_column: &'a dyn Fn(&Column) -> usize,
    /// For each expression that is not at its end, the parts of its operands so far.
    open: Vec<Vec<usize>>,
}

impl<'n> TreeNodeVisitor<'n> for WrittenOut<'_> {
    type Node = Expr;

    fn f_down(&mut self, _: &'n Expr) -> Result<TreeNodeRecursion, DataFusionError> {
        self.open.push(Vec::new());
        Ok(TreeNodeRecursion::Continue)
    }

    fn f_up(&mut self, expr: &'n Expr) -> Result<TreeNodeRecursion, DataFusionError> {
        let operands = self.open.pop().unwrap_or_default();
        let first = operands.first().copied().unwrap_or_default();
        let all = operands.iter().copied().fold(1, usize::saturating_add);
        let parts = match expr {
            Expr::Column(column) => (self.of_column)(column),
            Expr::Between(_) => all.saturating_add(first),
            Expr::InList(list) if list.list.len() <= 3 => {
                all.saturating_add(first.saturating_mul(2))
            }
            Expr::Case(case) if case.expr.is_some() => {
                all.saturating_add(first.saturating_mul(case.when_then_expr.len()))
            }
            Expr::ScalarFunction(call) if DOUBLING.contains(&call.name()) => {
                let doubled = operands.iter().rev().skip(1);
                doubled.copied().fold(all, usize::saturating_add)
            }
            _ => all,
        };
        if let Some(above) = self.open.last_mut() {
            above.push(parts);
        }
        Ok(TreeNodeRecursion::Continue)
    }
}

/// Refuses types that have too many members.
///
/// # Errors
/// What becomes too large.
pub(super) fn check_type(data_type: &DataType) -> Result<(), String> {
    match members(data_type, MEMBERS) > MEMBERS {
        true => Err(format!(
            "the type of a column has more than {MEMBERS} members"
        )),
        false => Ok(()),
    }
}

/// The members of a type, as far as `most` and a little more.
fn members(data_type: &DataType, most: usize) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().fold(1, |sum, field| match sum > most {
            true => sum,
            false => sum + members(field.data_type(), most - sum),
        }),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => 1 + members(item.data_type(), most.saturating_sub(1)),
        DataType::Dictionary(_, values) => members(values, most),
        _ => 1,
    }
}
