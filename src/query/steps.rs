//! How many steps the plan of a statement will have, counted on its syntax before there is a plan.
//!
//! A plan has what `WITH` defines once for each place that names it, and each of these has what it names in turn: a text of
//! one page can say a plan of a million steps. So has `GROUP BY CUBE`, a set of columns for each way to choose some of them.
//! A plan that is too large to be made must not be made to be counted.

use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, GroupByWithModifier, ObjectName, Query, Select, Visit, Visitor,
};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Steps of a plan, with those of the views in it.
pub(super) const STEPS: usize = 4000;
/// Steps that are planned for a statement: those of its plan, and what `WITH` defines, which is planned by itself.
const PLANNED: usize = 10 * STEPS;

/// What is too much of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooMany {
    /// Steps.
    Steps,
    /// Sets of columns of a `GROUP BY`.
    Sets,
}

/// The names of tables and views that a statement has anywhere, in small letters.
pub(super) fn names(statement: &Statement) -> Vec<String> {
    let mut counter = Counter::new(HashMap::new(), usize::MAX);
    let _ = visit(statement, &mut counter);
    counter.named
}

/// Counts the steps of a statement; `views` has those of each view that it may name, by names in small letters. Where a
/// name is defined more than once, the largest is counted.
///
/// # Errors
/// What there are too many of.
pub(super) fn count(statement: &Statement, views: HashMap<String, usize>) -> Result<(), TooMany> {
    match visit(statement, &mut Counter::new(views, STEPS)) {
        ControlFlow::Break(what) => Err(what),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Has a visitor see all of a statement.
pub(super) fn visit<V: Visitor>(statement: &Statement, visitor: &mut V) -> ControlFlow<V::Break> {
    match statement {
        Statement::Statement(statement) => statement.visit(visitor),
        Statement::Explain(explain) => visit(&explain.statement, visitor),
        Statement::CopyTo(copy) => match &copy.source {
            CopyToSource::Query(query) => query.visit(visitor),
            CopyToSource::Relation(name) => visitor.pre_visit_relation(name),
        },
        _ => ControlFlow::Continue(()),
    }
}

struct Counter {
    /// Steps of what names stand for: views, and what `WITH` defined so far.
    known: HashMap<String, usize>,
    /// All names that were met.
    named: Vec<String>,
    /// The queries that `WITH` defines and that were not met yet, known by their place in memory, and their names.
    defines: HashMap<*const Query, String>,
    /// Steps of each query that is being counted, the innermost last.
    open: Vec<usize>,
    /// Steps of all that was defined.
    defined: usize,
    most: usize,
}

impl Counter {
    fn new(known: HashMap<String, usize>, most: usize) -> Self {
        Counter {
            known,
            named: Vec::new(),
            defines: HashMap::new(),
            open: vec![0],
            defined: 0,
            most,
        }
    }

    fn add(&mut self, steps: usize) -> ControlFlow<TooMany> {
        let open = self.open.last_mut().expect("the statement's own stays");
        *open = open.saturating_add(steps);
        let planned = open.saturating_add(self.defined);
        match *open > self.most || planned > self.most.saturating_mul(PLANNED / STEPS) {
            true => ControlFlow::Break(TooMany::Steps),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Visitor for Counter {
    type Break = TooMany;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<TooMany> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = cte.alias.name.value.to_lowercase();
            self.defines.insert(&raw const *cte.query, name);
        }
        self.open.push(0);
        self.add(1)
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<TooMany> {
        let steps = self.open.pop().unwrap_or_default();
        let Some(name) = self.defines.remove(&(&raw const *query)) else {
            return self.add(steps);
        };
        let known = self.known.entry(name).or_default();
        *known = steps.max(*known);
        self.defined = self.defined.saturating_add(steps);
        self.add(0)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<TooMany> {
        let sets = grouping_sets(&select.group_by);
        if sets > self.most {
            return ControlFlow::Break(TooMany::Sets);
        }
        self.add(sets)
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<TooMany> {
        let last = relation.0.last().and_then(|part| part.as_ident());
        let name = last.map(|ident| ident.value.to_lowercase());
        let name = name.unwrap_or_default();
        let steps = self.known.get(&name).copied().unwrap_or_default();
        self.named.push(name);
        self.add(steps.saturating_add(1))
    }
}

/// How many sets of columns a `GROUP BY` groups by.
fn grouping_sets(group_by: &GroupByExpr) -> usize {
    let (exprs, modifiers): (&[Expr], _) = match group_by {
        GroupByExpr::All(modifiers) => (&[], modifiers),
        GroupByExpr::Expressions(exprs, modifiers) => (exprs, modifiers),
    };
    let of_modifiers = modifiers.iter().map(|modifier| match modifier {
        GroupByWithModifier::Cube => subsets(exprs.len()),
        GroupByWithModifier::Rollup => exprs.len() + 1,
        GroupByWithModifier::Totals => 2,
        GroupByWithModifier::GroupingSets(expr) => sets_of(expr),
    });
    let all = exprs.iter().map(sets_of).chain(of_modifiers);
    all.fold(1, usize::saturating_mul)
}

/// The sets of one item of a `GROUP BY`.
fn sets_of(expr: &Expr) -> usize {
    match expr {
        Expr::Cube(columns) => subsets(columns.len()),
        Expr::Rollup(columns) => columns.len() + 1,
        Expr::GroupingSets(sets) => sets
            .iter()
            .map(|set| set.iter().map(sets_of).fold(1, usize::saturating_mul))
            .fold(0, usize::saturating_add),
        Expr::Nested(inner) => sets_of(inner),
        Expr::Tuple(items) => items.iter().map(sets_of).fold(1, usize::saturating_mul),
        _ => 1,
    }
}

fn subsets(of: usize) -> usize {
    u32::try_from(of)
        .ok()
        .and_then(|of| 1_usize.checked_shl(of))
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::source::Source;
    use super::super::statements::parse;
    use super::*;

    fn counted(text: &str, views: &[(&str, usize)]) -> Result<(), TooMany> {
        let (name, text) = ("q.sql".to_owned(), text.to_owned());
        let parsed = parse(&Source { name, text }, &[]).unwrap();
        let views = views.iter().map(|(name, n)| ((*name).to_owned(), *n));
        count(&parsed[0].statement, views.collect())
    }

    fn chain(n: usize, step: &str, last: &str) -> String {
        let steps = (1..n).map(|i| {
            let before = format!("t{}", i - 1);
            format!(", t{i} AS ({})", step.replace("$t", &before))
        });
        let last = last.replace("$t", &format!("T{}", n - 1));
        format!(
            "WITH t0 AS (SELECT 1 x){} {last}",
            steps.collect::<String>()
        )
    }

    #[test]
    fn what_is_named_twice_counts_twice() {
        for step in [
            "SELECT a.x FROM $t a, $t b",
            "SELECT x FROM $t UNION ALL SELECT x FROM $t",
            "SELECT x FROM (SELECT x FROM $t) WHERE x IN (SELECT x FROM $t)",
            "WITH y AS (SELECT x FROM $t) SELECT a.x FROM y a, Y b",
        ] {
            for last in ["SELECT count(*) FROM $t", "SELECT (SELECT x FROM $t)"] {
                assert_eq!(counted(&chain(8, step, last), &[]), Ok(()), "{step}");
                let many = chain(40, step, last);
                assert_eq!(counted(&many, &[]), Err(TooMany::Steps), "{step}");
                let explained = format!("EXPLAIN {many}");
                assert_eq!(counted(&explained, &[]), Err(TooMany::Steps), "{step}");
                let copied = format!("COPY ({many}) TO 'x.csv'");
                assert_eq!(counted(&copied, &[]), Err(TooMany::Steps), "{step}");
                let view = format!("CREATE VIEW v AS {many}");
                assert_eq!(counted(&view, &[]), Err(TooMany::Steps), "{step}");
            }
        }
        // Never named, but planned all the same.
        let unused = chain(14, "SELECT a.x FROM $t a, $t b", "SELECT 1");
        assert_eq!(counted(&unused, &[]), Err(TooMany::Steps));
        let long = chain(120, "SELECT x FROM $t", "SELECT x FROM $t");
        assert_eq!(counted(&long, &[]), Ok(()));
    }

    #[test]
    fn a_view_counts_with_its_steps() {
        let views = [("v", 1500)];
        assert_eq!(counted("SELECT * FROM v a, V b", &views), Ok(()));
        assert_eq!(
            counted("SELECT * FROM v a, v b, public.v c", &views),
            Err(TooMany::Steps)
        );
        // A name that stands for two things stands for the larger one.
        let hidden = "WITH V AS (SELECT 1 x) SELECT * FROM v a, v b, v c";
        assert_eq!(counted(hidden, &views), Err(TooMany::Steps));
    }

    #[test]
    fn sets_of_columns_are_counted() {
        let group = |by: &str| counted(&format!("SELECT count(*) FROM t GROUP BY {by}"), &[]);
        let columns = |n: usize| {
            (0..n)
                .map(|i| format!("c{i}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(group(&format!("CUBE({})", columns(11))), Ok(()));
        assert_eq!(group(&columns(100)), Ok(()));
        for by in [
            format!("CUBE({})", columns(12)),
            format!("CUBE({})", columns(100)),
            format!("CUBE({0}), CUBE({0})", columns(6)),
            ["ROLLUP(a, b)"; 30].join(", "),
        ] {
            assert_eq!(group(&by), Err(TooMany::Sets), "{by}");
        }
        let many = chain(
            5,
            "SELECT a.x FROM $t a GROUP BY CUBE(x,y,z,u,v,w,a,b,c,d,e)",
            "SELECT x FROM $t",
        );
        assert_eq!(counted(&many, &[]), Err(TooMany::Steps));
    }
}
