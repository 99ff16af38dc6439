//! How large and how deep a statement may be, and which settings it may change.
//!
//! A parser and a planner go down as deep as a statement is nested, and many of their steps take a time that grows with
//! the square of its length or faster. Nobody writes such a statement; whoever has one made can have it made otherwise.
//! So what is too large is refused on its tokens, before the parser sees it; on its syntax, before there is a plan, since
//! views and what `WITH` defines multiply what a statement says ([`steps`]); and as a plan, before it is optimized ([`sizes`](super::sizes)).

use super::mistakes::Mistake;
use super::sizes::Sizes;
use super::source::{Source, TEXT};
use super::steps::{self, STEPS, TooMany};
use crate::error::Result;
use datafusion::common::tree_node::{TreeNodeRecursion, TreeNodeVisitor};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{DdlStatement, LogicalPlan, Statement};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use std::collections::HashMap;

/// Brackets inside of one another.
const NESTED: usize = 40;
/// Of those, what is in `CASE … END`, or in brackets behind one of [`RETRIED`]: where something in it cannot be read, the
/// parser reads it again in another way, and so at each of them.
const RETRIES: usize = 12;
/// Words whose brackets the parser reads in two ways.
const RETRIED: [Keyword; 11] = [
    Keyword::NOT,
    Keyword::CAST,
    Keyword::TRY_CAST,
    Keyword::SAFE_CAST,
    Keyword::CONVERT,
    Keyword::ARRAY,
    Keyword::SUBSTRING,
    Keyword::SUBSTR,
    Keyword::CEIL,
    Keyword::FLOOR,
    Keyword::OVERLAY,
];
/// Words of SQL, operators and brackets of one statement. Names, values and commas are free, for lists of thousands.
const WORDS: usize = 1500;
/// `UNION`, `INTERSECT`, `EXCEPT` and `JOIN` of one statement.
const SETS: usize = 300;

/// Refuses statements that are too large or too deep.
///
/// # Errors
/// [`crate::error::Error::Sql`] with the place where it becomes too much.
pub(super) fn check(source: &Source, tokens: &[TokenWithSpan]) -> Result<()> {
    if source.text.len() > TEXT {
        return Err(
            Mistake::of_all(format!("the script has more than {} MB", TEXT >> 20))
                .in_source(source),
        );
    }
    let (mut nested, mut words, mut sets) = (0_usize, 0, 0);
    let mut retries = Retries::default();
    for token in tokens {
        match &token.token {
            Token::SemiColon if nested == 0 => (words, sets) = (0, 0),
            Token::LParen | Token::LBracket | Token::LBrace => nested += 1,
            Token::RParen | Token::RBracket | Token::RBrace => nested = nested.saturating_sub(1),
            _ => {}
        }
        retries.read(&token.token);
        words += usize::from(counts(&token.token));
        sets += usize::from(is_set(&token.token));
        let what = match () {
            () if nested > NESTED => format!("brackets are nested deeper than {NESTED}"),
            () if retries.open > RETRIES => {
                format!("CASE, NOT (…), CAST and the like are nested deeper than {RETRIES}")
            }
            () if words > WORDS => {
                format!("the statement has more than {WORDS} operators and words of SQL")
            }
            () if sets > SETS => {
                format!("the statement has more than {SETS} set operations and joins")
            }
            () => continue,
        };
        let mistake = Mistake::at(token.span.start, what).until(token.span.end);
        let remedy = "Write it with a list (x IN (1, 2, …)) or with VALUES, or take it apart into several statements with \
                      CREATE VIEW.";
        return Err(mistake.with_remedy(remedy).in_source(source));
    }
    Ok(())
}

/// What is open of what the parser reads in two ways.
#[derive(Default)]
struct Retries {
    open: usize,
    /// Of each open bracket, whether it is one of them.
    brackets: Vec<bool>,
    cases: usize,
    /// Whether the last word was one whose brackets are.
    before: bool,
}

impl Retries {
    fn read(&mut self, token: &Token) {
        let keyword = match token {
            Token::Word(word) => word.keyword,
            Token::Whitespace(_) => return,
            _ => Keyword::NoKeyword,
        };
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => self.brackets.push(self.before),
            Token::RParen | Token::RBracket | Token::RBrace => drop(self.brackets.pop()),
            Token::SemiColon => *self = Self::default(),
            _ if keyword == Keyword::CASE => self.cases += 1,
            _ if keyword == Keyword::END => self.cases = self.cases.saturating_sub(1),
            _ => {}
        }
        self.before = RETRIED.contains(&keyword);
        self.open = self.cases + self.brackets.iter().filter(|b| **b).count();
    }
}

fn counts(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Number(..) | Token::SingleQuotedString(_) | Token::Comma | Token::Whitespace(_) => {
            false
        }
        _ => true,
    }
}

fn is_set(token: &Token) -> bool {
    let sets = [
        Keyword::UNION,
        Keyword::INTERSECT,
        Keyword::EXCEPT,
        Keyword::JOIN,
    ];
    matches!(token, Token::Word(word) if sets.contains(&word.keyword))
}

/// Refuses statements whose plan would be too large, before it is made.
///
/// # Errors
/// [`DataFusionError::Plan`].
pub(super) async fn check_steps(
    statement: &Parsed,
    context: &SessionContext,
) -> Result<(), DataFusionError> {
    let named = steps::names(statement);
    let mut views: HashMap<String, usize> = HashMap::new();
    let catalogs = context.catalog_names().into_iter();
    let catalogs = catalogs.filter_map(|name| context.catalog(&name));
    let schemas = catalogs.flat_map(|catalog| {
        let names = catalog.schema_names().into_iter();
        let schemas = names.filter_map(|name| catalog.schema(&name));
        schemas.collect::<Vec<_>>()
    });
    for schema in schemas {
        for table in schema.table_names() {
            let name = table.to_lowercase();
            if !named.contains(&name) {
                continue;
            }
            if let Some(table) = schema.table(&table).await?
                && let Some(plan) = table.get_logical_plan()
            {
                let known = views.entry(name).or_default();
                *known = steps_of(&plan)?.max(*known);
            }
        }
    }
    match steps::count(statement, views) {
        Ok(()) => Ok(()),
        Err(TooMany::Steps) => refused(&too_many_steps()),
        Err(TooMany::Sets) => refused(&format!(
            "the statement groups by more than {STEPS} sets of columns: name those that are needed with GROUPING SETS"
        )),
    }
}

/// The steps of the plan of a view.
fn steps_of(plan: &LogicalPlan) -> Result<usize, DataFusionError> {
    let mut steps = 0;
    plan.apply_with_subqueries(|_| {
        steps += 1;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(steps)
}

fn too_many_steps() -> String {
    format!(
        "the statement, with its views and what WITH defines, comes to more than {STEPS} steps: let them be joined less \
         often, or write one of them to a table with CREATE TABLE … AS, or to a file with COPY"
    )
}

/// Refuses plans that are too large, or that do what a query does not: change tables or write files below another
/// statement, change settings that hold the process within its limits. `copies` says that it is the plan of a `COPY`, whose
/// target was checked.
///
/// # Errors
/// [`DataFusionError::Plan`].
pub(super) fn check_plan(plan: &LogicalPlan, copies: bool) -> Result<(), DataFusionError> {
    let mut visitor = Checked {
        nodes: 0,
        copies,
        sizes: Sizes::default(),
    };
    plan.visit_with_subqueries(&mut visitor).map(drop)
}

struct Checked {
    nodes: usize,
    copies: bool,
    sizes: Sizes,
}

impl<'n> TreeNodeVisitor<'n> for Checked {
    type Node = LogicalPlan;

    fn f_down(&mut self, node: &'n LogicalPlan) -> Result<TreeNodeRecursion, DataFusionError> {
        self.nodes += 1;
        self.sizes.begin();
        if self.nodes > STEPS {
            return refused(&too_many_steps());
        }
        if self.nodes == 1 && !matches!(node, LogicalPlan::Copy(_)) {
            return first(node);
        }
        match node {
            LogicalPlan::Copy(_) if self.nodes == 1 && self.copies => {
                Ok(TreeNodeRecursion::Continue)
            }
            LogicalPlan::Ddl(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::Statement(_) => {
                refused("a statement that changes or writes something stands alone")
            }
            _ => Ok(TreeNodeRecursion::Continue),
        }
    }

    fn f_up(&mut self, node: &'n LogicalPlan) -> Result<TreeNodeRecursion, DataFusionError> {
        match self.sizes.end(node) {
            Ok(()) => Ok(TreeNodeRecursion::Continue),
            Err(why) => refused(&why),
        }
    }
}

/// What a whole statement may be.
fn first(plan: &LogicalPlan) -> Result<TreeNodeRecursion, DataFusionError> {
    match plan {
        LogicalPlan::Ddl(
            DdlStatement::CreateExternalTable(_)
            | DdlStatement::CreateMemoryTable(_)
            | DdlStatement::CreateView(_)
            | DdlStatement::DropTable(_)
            | DdlStatement::DropView(_),
        ) => Ok(TreeNodeRecursion::Continue),
        LogicalPlan::Statement(Statement::SetVariable(set)) => setting(&set.variable, &set.value),
        LogicalPlan::Statement(Statement::ResetVariable(set)) => setting(&set.variable, "1"),
        LogicalPlan::Dml(dml) => refused(&format!(
            "'{}' stays as it is; make a table of your own with CREATE TABLE … AS SELECT …",
            dml.table_name.table()
        )),
        LogicalPlan::Ddl(_) | LogicalPlan::Statement(_) => {
            refused(&format!("not a statement of queries: {}", plan.display()))
        }
        _ => Ok(TreeNodeRecursion::Continue),
    }
}

/// Settings that may be changed, and the largest number that they may have.
const SETTINGS: [(&str, usize); 7] = [
    ("datafusion.execution.batch_size", 65_536),
    ("datafusion.execution.target_partitions", 256),
    ("datafusion.execution.time_zone", usize::MAX),
    (
        "datafusion.sql_parser.enable_ident_normalization",
        usize::MAX,
    ),
    ("datafusion.sql_parser.parse_float_as_decimal", usize::MAX),
    ("datafusion.sql_parser.default_null_ordering", usize::MAX),
    ("datafusion.execution.collect_statistics", usize::MAX),
];

fn setting(name: &str, value: &str) -> Result<TreeNodeRecursion, DataFusionError> {
    let name = name.to_lowercase();
    let of_plans = ["datafusion.explain.", "datafusion.optimizer."];
    if of_plans.iter().any(|prefix| name.starts_with(prefix)) {
        return Ok(TreeNodeRecursion::Continue);
    }
    let Some((_, most)) = SETTINGS.iter().find(|(n, _)| *n == name) else {
        return refused(&format!(
            "SET {name}: not for a query to set; memory and its place on disk are given by --memory and TMPDIR"
        ));
    };
    let value = value.trim();
    let fits = value
        .parse::<f64>()
        .is_ok_and(|n| n >= 1.0 && n <= *most as f64);
    match *most == usize::MAX || fits {
        true => Ok(TreeNodeRecursion::Continue),
        false => refused(&format!("SET {name}: takes 1 to {most}")),
    }
}

fn refused<T>(why: &str) -> Result<T, DataFusionError> {
    Err(DataFusionError::Plan(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::statements::parse;
    use super::*;

    fn refusal(text: String) -> String {
        let name = "q.sql".to_owned();
        let parsed = parse(&Source { name, text }, &[]);
        parsed.map(|p| p.len()).unwrap_err().to_string()
    }

    #[test]
    fn statements_that_are_too_large_are_refused_where_they_become_so() {
        let sum = refusal(format!("SELECT 1;\nSELECT 1{}", " + 1".repeat(200_000)));
        assert!(sum.starts_with("q.sql, line 2, column") && sum.contains("operators"));
        let arrays = refusal(format!(
            "SELECT {}1{}",
            "array[".repeat(3000),
            "]".repeat(3000)
        ));
        assert!(arrays.contains("nested deeper"), "{}", &arrays[..100]);
        let unions = refusal(format!("SELECT 1{}", " UNION SELECT 1".repeat(50_000)));
        assert!(unions.contains("set operations"));
        assert!(refusal(format!("SELECT {} 1", "NOT ".repeat(100_000))).contains("words"));
        assert!(refusal(format!("SELECT {} 1", "- ".repeat(100_000))).contains("operators"));
        for open in [
            "NOT (",
            "CASE ",
            "CASE WHEN 1 = 1 THEN ",
            "CAST(",
            "array[",
            "Floor (",
        ] {
            for end in ["1 + FROM", "1"] {
                let said = refusal(format!("SELECT {}{end}", open.repeat(14)));
                assert!(said.contains("nested deeper than 12"), "{open}: {said}");
            }
        }
        let beside = "NOT (CASE WHEN true THEN CAST(1 AS BOOLEAN) END) AND ".repeat(50);
        let name = "q.sql".to_owned();
        let text = format!("SELECT {beside} true");
        assert!(parse(&Source { name, text }, &[]).is_ok());
        let long = format!("SELECT 1 IN ({})", vec!["1"; 100_000].join(", "));
        let name = "q.sql".to_owned();
        assert!(parse(&Source { name, text: long }, &[]).is_ok());
    }

    #[test]
    fn settings_that_hold_limits_are_not_for_queries() {
        for (name, value) in [
            ("datafusion.runtime.memory_limit", "100G"),
            ("datafusion.runtime.temp_directory", "/"),
            ("datafusion.execution.batch_size", "4000000000"),
            ("datafusion.execution.batch_size", "0"),
            ("datafusion.sql_parser.recursion_limit", "100000"),
            ("datafusion.execution.target_partitions", "100000"),
        ] {
            assert!(setting(name, value).is_err(), "{name}");
        }
        assert!(setting("datafusion.execution.batch_size", "256").is_ok());
        assert!(setting("datafusion.explain.logical_plan_only", "true").is_ok());
    }
}
