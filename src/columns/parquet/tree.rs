//! A column of any type being encoded: its leaves, and the structures and lists that they lie in.

use super::arrays::{Chosen, Gather, compact, is_leaf, within};
use super::content::Content;
use super::pages::chunk::{ChunkWriter, Workspace};
use super::pages::deep::Deep;
use super::pages::shape::Shape;
use super::sparse::At;
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field};
use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::ColumnDescPtr;
use std::io::Write;

/// What encodes a column, or a member of one.
pub(super) enum Tree {
    Leaf(Box<ChunkWriter>),
    /// Structures, and their members. They may be null where there is something to say about that.
    Structures(Option<Box<Deep>>, Vec<Tree>),
    /// Lists, and their elements.
    Lists(Box<Deep>, Box<Tree>),
}

/// What a column is given.
pub(super) enum Source<'a> {
    /// The values that are there.
    Content(&'a Content),
    /// An array, with a place for each value, or those of its places that are chosen.
    Array(&'a ArrayRef, Option<&'a Chosen>),
}

/// Where it is given that.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// What the column lies in.
    pub shape: Shape<'a>,
    /// The place in it that values are counted from.
    pub first: usize,
    /// The rows that there are then.
    pub end: usize,
}

/// What columns that are encoded one after the other share.
#[derive(Default)]
pub(super) struct Tools {
    pub gather: Gather,
    pub workspace: Workspace,
}

/// A column that has ended: of each leaf its pages, and what there is to say about them.
pub(super) struct Ended(Vec<(Bytes, ColumnCloseResult)>);

impl Tree {
    /// Without rows. `columns` gives the columns of the leaves, in order; the paths in them decide the encoding, and must be
    /// the final ones to be copied later.
    ///
    /// # Errors
    /// [`ParquetError`] where no table has such a type.
    pub(super) fn new(
        field: &Field,
        shape: Shape,
        columns: &mut impl Iterator<Item = ColumnDescPtr>,
        properties: &WriterProperties,
    ) -> Result<Self, ParquetError> {
        match field.data_type() {
            DataType::Struct(fields) => {
                let deep = field.is_nullable().then(|| Deep::structures(shape));
                let shape = deep.as_ref().map_or(shape, |deep| deep.shape(shape));
                let members = fields.iter();
                let members = members.map(|member| Tree::new(member, shape, columns, properties));
                let members = members.collect::<Result<_, _>>()?;
                Ok(Tree::Structures(deep.map(Box::new), members))
            }
            DataType::List(element) => {
                let deep = Deep::lists(shape, field.is_nullable());
                let element = Tree::new(element, deep.shape(shape), columns, properties)?;
                Ok(Tree::Lists(Box::new(deep), Box::new(element)))
            }
            ty if is_leaf(ty) => {
                let column = columns.next().ok_or_else(|| fault("has no leaf left"))?;
                let writer = ChunkWriter::new(column, properties)?;
                Ok(Tree::Leaf(Box::new(writer)))
            }
            ty => Err(ParquetError::NYI(format!("columns of the type {ty}"))),
        }
    }

    /// Encodes what the next rows have.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be encoded.
    pub(super) fn write(
        &mut self,
        source: &Source,
        place: Place,
        tools: &mut Tools,
    ) -> Result<(), ParquetError> {
        match (self, source) {
            (tree, Source::Content(Content::Array(array))) => {
                tree.write(&Source::Array(array, None), place, tools)
            }
            (Tree::Leaf(writer), Source::Content(content)) => {
                let (leaf, at) = content.leaf().ok_or_else(|| fault("was given no values"))?;
                writer.write(&leaf, at, place.end, place.shape, &mut tools.workspace)
            }
            (Tree::Leaf(writer), Source::Array(array, chosen)) => {
                let Tools { gather, workspace } = tools;
                gather.values(array, *chosen, |leaf, at| {
                    writer.write(&leaf, at, place.end, place.shape, workspace)
                })
            }
            (Tree::Structures(deep, members), source) => {
                write_structures(deep.as_deref_mut(), members, source, place, tools)
            }
            (Tree::Lists(deep, element), source) => {
                write_lists(deep, element, source, place, tools)
            }
        }
    }

    /// Fills up with nulls.
    ///
    /// # Errors
    /// As [`Tree::write`].
    pub(super) fn write_nulls(
        &mut self,
        place: Place,
        tools: &mut Tools,
    ) -> Result<(), ParquetError> {
        const NONE: At = At::Some(&[]);
        match self {
            Tree::Leaf(writer) => writer.write_nulls(place.end, place.shape, &mut tools.workspace),
            Tree::Structures(deep, members) => {
                if let Some(deep) = deep {
                    deep.add_structures(place.shape, place.first, NONE);
                }
                let place = place.within(deep.as_deref());
                let mut members = members.iter_mut();
                members.try_for_each(|member| member.write_nulls(place, tools))
            }
            Tree::Lists(deep, element) => {
                deep.add_lists(place.shape, place.first, NONE, std::iter::empty());
                element.write_nulls(place.within(Some(deep)), tools)
            }
        }
    }

    /// Bytes that are kept of it.
    pub(super) fn size(&self) -> usize {
        match self {
            Tree::Leaf(writer) => writer.size(),
            Tree::Structures(_, members) => members.iter().map(Tree::size).sum(),
            Tree::Lists(_, element) => element.size(),
        }
    }

    /// Ends the column, which lies in `shape`.
    ///
    /// # Errors
    /// As [`Tree::write`].
    pub(super) fn end(self, shape: Shape, tools: &mut Tools) -> Result<Ended, ParquetError> {
        let mut ended = Vec::new();
        self.end_into(shape, tools, &mut ended)?;
        Ok(Ended(ended))
    }

    fn end_into(
        self,
        shape: Shape,
        tools: &mut Tools,
        ended: &mut Vec<(Bytes, ColumnCloseResult)>,
    ) -> Result<(), ParquetError> {
        match self {
            Tree::Leaf(writer) => {
                ended.push(writer.close(shape, &mut tools.workspace)?);
                Ok(())
            }
            Tree::Structures(deep, members) => {
                let shape = deep.as_ref().map_or(shape, |deep| deep.shape(shape));
                let mut members = members.into_iter();
                members.try_for_each(|member| member.end_into(shape, tools, ended))
            }
            Tree::Lists(deep, element) => element.end_into(deep.shape(shape), tools, ended),
        }
    }
}

impl Ended {
    /// Puts the column into a row group.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub(super) fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        let mut leaves = self.0.into_iter();
        leaves.try_for_each(|(pages, closed)| group.append_column(&pages, closed))
    }
}

impl<'a> Place<'a> {
    /// The same where structures or lists were gone into, if they may be null.
    fn within<'b>(self, deep: Option<&'b Deep>) -> Place<'b>
    where
        'a: 'b,
    {
        Place {
            shape: deep.map_or(self.shape, |deep| deep.shape(self.shape)),
            ..self
        }
    }
}

fn write_structures(
    mut deep: Option<&mut Deep>,
    members: &mut [Tree],
    source: &Source,
    place: Place,
    tools: &mut Tools,
) -> Result<(), ParquetError> {
    let mut add = |at: At| {
        if let Some(deep) = &mut deep {
            deep.add_structures(place.shape, place.first, at);
        }
    };
    match source {
        Source::Content(Content::Structures(structures)) => {
            add(structures.rows.at());
            let place = place.within(deep.as_deref());
            for (member, content) in members.iter_mut().zip(&structures.members) {
                match content {
                    Some(content) => member.write(&Source::Content(content), place, tools)?,
                    None => member.write_nulls(place, tools)?,
                }
            }
            Ok(())
        }
        Source::Array(array, chosen) => {
            add(tools.gather.places(array, *chosen));
            let place = place.within(deep.as_deref());
            let arrays = array.as_struct().columns().iter();
            members
                .iter_mut()
                .zip(arrays)
                .try_for_each(|(member, values)| {
                    let values = within(values, array.nulls());
                    member.write(&Source::Array(&values, *chosen), place, tools)
                })
        }
        Source::Content(_) => Err(fault("was given no structures")),
    }
}

fn write_lists(
    deep: &mut Deep,
    element: &mut Tree,
    source: &Source,
    place: Place,
    tools: &mut Tools,
) -> Result<(), ParquetError> {
    let first = deep.place_count();
    match source {
        Source::Content(Content::Lists(lists)) => {
            let (rows, lengths) = (lists.rows.at(), lists.lengths());
            deep.add_lists(place.shape, place.first, rows, lengths);
            let place = Place { first, ..place };
            let elements = Source::Content(&lists.elements);
            element.write(&elements, place.within(Some(deep)), tools)
        }
        Source::Array(array, chosen) => {
            let lists = compact(array, *chosen);
            deep.add_lists(place.shape, place.first, lists.rows.at(), lists.lengths());
            let place = Place { first, ..place };
            let elements = Source::Array(&lists.elements, None);
            element.write(&elements, place.within(Some(deep)), tools)
        }
        Source::Content(_) => Err(fault("was given no lists")),
    }
}

fn fault(what: &str) -> ParquetError {
    ParquetError::General(format!("a column {what}"))
}

#[cfg(test)]
mod tests;
