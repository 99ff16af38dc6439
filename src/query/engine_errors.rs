//! What DataFusion says in the words of those who make it, said for those who write SQL: what it means, and what to write
//! instead.

/// An error, explained.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Explained {
    pub what: String,
    /// The word of the text that it is about.
    pub word: Option<String>,
    pub remedy: String,
}

/// What a message means; nothing where its words will do.
pub(super) fn explained(message: &str) -> Option<Explained> {
    let all = [
        dot_after_element,
        subquery_as_value,
        member_of_none,
        truth_of_no_condition,
        contradictory_plan,
    ];
    all.iter().find_map(|explain| explain(message))
}

/// `events[1].name`
fn dot_after_element(message: &str) -> Option<Explained> {
    let (_, of) = message.split_once("Dot access not supported for non-string expr")?;
    let named = of.split_once("value: \"");
    let name = named
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(name, _)| name);
    let shown = name.unwrap_or("name");
    Some(Explained {
        what: "after […] no dot reaches a member".to_owned(),
        word: name.map(str::to_owned),
        remedy: format!("Write ['{shown}'] in place of .{shown}, as in events[1]['{shown}']."),
    })
}

/// `SELECT x IN (SELECT …)`, `SELECT EXISTS (…)`
fn subquery_as_value(message: &str) -> Option<Explained> {
    let (_, of) = message.split_once("Physical plan does not support logical expression ")?;
    let words = match of.split('(').next()? {
        "InSubquery" => "IN (SELECT …)",
        "Exists" => "EXISTS (SELECT …)",
        _ => return None,
    };
    Some(Explained {
        what: format!("{words} is answered in WHERE, and not where a value is wanted, as in the list of SELECT"),
        word: None,
        remedy: "Join instead: SELECT t.id IS NOT NULL AS found FROM a LEFT JOIN (SELECT DISTINCT id FROM b) AS t ON t.id = a.id."
            .to_owned(),
    })
}

/// `events.name` where `events` is the list in `requests`.
fn member_of_none(message: &str) -> Option<Explained> {
    let (_, of) = message.split_once("Cannot access field at argument ")?;
    let (_, of) = of.split_once("type ")?;
    let kind = of.split(['(', ' ']).next()?;
    if !message.ends_with("is not Struct, Map, or Null") {
        return None;
    }
    let (what, remedy) = match kind {
        "List" | "LargeList" | "FixedSizeList" => (
            "a member is asked of a column that is a list",
            "Of one element write events[1]['name'], of all unnest(events). If a table is meant, as the table events beside the \
             column events of requests, FROM must have it under the name that stands before the dot.",
        ),
        _ => (
            "a member is asked of a column that has none",
            "If a table is meant, FROM must have it under the name that stands before the dot.",
        ),
    };
    let what = match kind {
        "List" | "LargeList" | "FixedSizeList" => what.to_owned(),
        other => format!("{what}: its type is {other}"),
    };
    Some(Explained {
        what,
        word: None,
        remedy: remedy.to_owned(),
    })
}

/// `ret IS NOT TRUE`
fn truth_of_no_condition(message: &str) -> Option<Explained> {
    let (_, types) = message.split_once("common argument type for comparison operation ")?;
    let (first, second) = ["IS DISTINCT FROM", "IS NOT DISTINCT FROM"]
        .iter()
        .find_map(|words| types.split_once(&format!(" {words} ")))?;
    if second.trim() != "Boolean" {
        return None;
    }
    let kind = first.split('(').next().unwrap_or(first);
    Some(Explained {
        what: format!(
            "whether something IS TRUE or IS NOT TRUE is asked of a condition, and this is a value of type {kind}"
        ),
        word: None,
        remedy: "Write the condition, as in (ret < 0) IS NOT TRUE.".to_owned(),
    })
}

/// Windows over windows over one row, for some.
fn contradictory_plan(message: &str) -> Option<Explained> {
    let mut ends = ["order requirements", "distribution requirements"].into_iter();
    ends.find(|end| message.contains(&format!("does not satisfy {end}")))?;
    Some(Explained {
        what: "the query engine makes a plan of this statement that it then finds wrong itself".to_owned(),
        word: None,
        remedy: "Take two steps: CREATE TABLE step AS SELECT …, with the inner query, and then the outer one FROM step.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> Option<(String, String)> {
        explained(message).map(|e| (e.what, e.remedy))
    }

    #[test]
    fn a_plan_that_is_found_wrong_is_made_in_two_steps() {
        let message = "Plan: [\"BoundedWindowAggExec: wdw=[sum(x)]\", \"PlaceholderRowExec\"] does not satisfy order requirements: \
                       [n@0 ASC]. Child-0 order: []";
        let (what, remedy) = said(message).unwrap();
        assert!(
            what.contains("finds wrong itself") && !what.contains("Exec"),
            "{what}"
        );
        assert!(remedy.contains("CREATE TABLE step AS SELECT"), "{remedy}");
    }

    #[test]
    fn members_are_asked_of_structures() {
        let of = |ty: &str| {
            said(&format!(
                "Cannot access field at argument 1: type {ty} is not Struct, Map, or Null"
            ))
            .unwrap()
        };
        let (what, remedy) = of("List(non-null Struct(\"name\": Utf8))");
        assert_eq!(what, "a member is asked of a column that is a list");
        assert!(remedy.contains("unnest(events)"), "{remedy}");
        let (what, _) = of("Timestamp(ns, \"UTC\")");
        assert_eq!(
            what,
            "a member is asked of a column that has none: its type is Timestamp"
        );
    }

    #[test]
    fn what_is_plain_stays_as_it_is() {
        for plain in [
            "table 'x' not found",
            "Physical plan does not support logical expression OuterReferenceColumn(x)",
            "Cannot infer common argument type for comparison operation Int64 IS DISTINCT FROM Date32",
            "",
        ] {
            assert_eq!(explained(plain), None, "{plain}");
        }
    }
}
