//! How a column in a list, as a file has it, fits into a schema that is not the file's own.
//!
//! The schema of a table has the columns of all its files. A file may lack some of them, and what is there in each row of
//! it may be missing in another's. Its values stay what they are then, but a definition level counts the steps on the path
//! to a value that may be missing, and the schema has more of them. A column that the file lacks has the levels of another
//! one in the same list, as far as their paths are the same.

use parquet::basic::Repetition;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type};

/// What a column of the schema is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitting {
    /// The file's column whose levels are taken, and its values where it is the same.
    pub column: usize,
    /// Whether it is the same column, or only in the same list.
    pub same: bool,
    /// The definition level for each of the file's; nothing where they are equal.
    definition: Option<Vec<i16>>,
    /// The largest repetition level: where the file's column is in a further list, its elements do not count.
    repetition: i16,
}

/// Definition and repetition level of what is at each step of a path, from the root on.
fn steps(schema: &SchemaDescriptor, path: &[String]) -> Vec<(i16, i16)> {
    let (mut definition, mut repetition) = (0, 0);
    let mut steps = vec![(0, 0)];
    let mut fields = schema.root_schema().get_fields();
    for name in path {
        let Some(field) = fields.iter().find(|field| field.name() == name) else {
            break;
        };
        let kind = field.get_basic_info().repetition();
        definition += i16::from(kind != Repetition::REQUIRED);
        repetition += i16::from(kind == Repetition::REPEATED);
        steps.push((definition, repetition));
        fields = match &**field {
            Type::GroupType { fields, .. } => fields,
            Type::PrimitiveType { .. } => &[],
        };
    }
    steps
}

/// Whether the values of both are of the same type.
fn alike(one: &ColumnDescriptor, other: &ColumnDescriptor) -> bool {
    one.physical_type() == other.physical_type()
        && one.logical_type_ref() == other.logical_type_ref()
        && one.converted_type() == other.converted_type()
        && one.type_length() == other.type_length()
}

impl Fitting {
    /// Finds column number `number` of `schema` in a file, in whose schema its first step is called `root`; `None` where
    /// the file has it in another form, or not even the list that it is in.
    pub fn find(
        file: &SchemaDescriptor,
        root: &str,
        schema: &SchemaDescriptor,
        number: usize,
    ) -> Option<Fitting> {
        let wanted = schema.column(number);
        let mut path = wanted.path().parts().to_vec();
        let to = steps(schema, &path);
        path[0] = root.to_owned();
        let shared = |column: &ColumnDescriptor| {
            let pairs = path.iter().zip(column.path().parts());
            pairs.take_while(|(one, other)| one == other).count()
        };
        let columns = file.columns().iter().enumerate();
        // The first of those that share most.
        let (column, common) = columns
            .map(|(column, descriptor)| (column, shared(descriptor)))
            .rev()
            .max_by_key(|(_, shared)| *shared)?;
        let from = steps(file, file.column(column).path().parts());
        let same = common == path.len() && common + 1 == from.len();
        let rises = |steps: &[(i16, i16)], at: usize| {
            let (before, after) = (steps[at - 1], steps[at]);
            (after.0 - before.0, after.1 - before.1)
        };
        let fits = (1..=common).all(|at| {
            let (there, here) = (rises(&from, at), rises(&to, at));
            there.1 == here.1 && there.0 <= here.0
        });
        let last = to[to.len() - 1];
        let in_list = to[common].1 > 0;
        let whole = match same {
            true => alike(&file.column(column), &wanted),
            false => to[common].0 < last.0,
        };
        if !(fits && in_list && whole) {
            return None;
        }
        let deepest = |level: i16| from.iter().rposition(|step| step.0 <= level);
        let levels =
            (0..=from[from.len() - 1].0).map(|level| to[deepest(level)?.min(common)].0.into());
        let levels = levels.collect::<Option<Vec<i16>>>()?;
        let equal = same && levels.iter().zip(0..).all(|(level, at)| *level == at);
        Some(Fitting {
            column,
            same,
            definition: (!equal).then_some(levels),
            repetition: to[common].1,
        })
    }

    /// Turns levels of the file's column into those of the schema's.
    pub(super) fn fit(&self, definition: &mut Vec<i16>, repetition: &mut Vec<i16>) {
        let Some(levels) = &self.definition else {
            return;
        };
        if !self.same && repetition.iter().any(|level| *level > self.repetition) {
            let mut kept = repetition.iter().map(|level| *level <= self.repetition);
            definition.retain(|_| kept.next().unwrap_or(true));
            repetition.retain(|level| *level <= self.repetition);
        }
        for level in definition {
            *level = levels[*level as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::schema::parser::parse_message_type;
    use std::sync::Arc;

    fn schema(members: &str, list: &str) -> SchemaDescriptor {
        let text = format!(
            "message m {{ {list} group events (LIST) {{ repeated group list {{ required group element {{ {members} }} }} }} }}"
        );
        SchemaDescriptor::new(Arc::new(parse_message_type(&text).unwrap()))
    }

    #[test]
    fn the_same_column_is_taken_as_it_is() {
        let file = schema("required int64 id; optional int32 ret;", "required");
        for number in 0..2 {
            let found = Fitting::find(&file, "events", &file, number).unwrap();
            assert_eq!((found.column, found.same), (number, true));
            assert_eq!(found.definition, None);
        }
    }

    #[test]
    fn levels_count_the_steps_of_the_schema() {
        let file = schema("required int64 id;", "required");
        let table = schema("optional int64 id; optional int32 ret;", "optional");
        let id = Fitting::find(&file, "events", &table, 0).unwrap();
        // No element, and an element with its value: of the list that is there, of the list that may be missing.
        assert_eq!(id.definition, Some(vec![1, 3]));
        let ret = Fitting::find(&file, "events", &table, 1).unwrap();
        assert_eq!((ret.same, &ret.definition), (false, &Some(vec![1, 2])));
        assert_eq!(Fitting::find(&table, "events", &file, 0), None);
        assert_eq!(Fitting::find(&file, "other", &table, 0), None);
    }

    #[test]
    fn elements_of_a_further_list_do_not_count() {
        let further =
            "optional group pids (LIST) { repeated group list { optional int32 element; } }";
        let file = schema(further, "required");
        let table = schema(&format!("{further} optional int64 fd;"), "required");
        let fd = Fitting::find(&file, "events", &table, 1).unwrap();
        let (mut definition, mut repetition) = (vec![4, 4, 1, 0], vec![0, 2, 1, 0]);
        fd.fit(&mut definition, &mut repetition);
        assert_eq!((definition, repetition), (vec![1, 1, 0], vec![0, 1, 0]));
    }
}
