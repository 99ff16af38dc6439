//! The join of points with intervals, as a message. What it tells the scan of its points is one object that both have, and
//! is so again where both are read.

use super::super::windows::condition::{Bound, Condition};
use super::super::windows::exec::WindowJoinExec;
use super::messages::WindowJoin;
use super::{Converter, OperatorCodec, read, written};
use arrow::datatypes::Schema;
use datafusion::common::{JoinSide, NullEquality, Result, internal_datafusion_err, internal_err};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion_proto::physical_plan::PhysicalPlanDecodeContext;
use datafusion_proto::protobuf::{self, PhysicalExprNode};
use std::sync::Arc;

/// An interval's input, and that of points.
type Inputs = (Arc<dyn ExecutionPlan>, Arc<dyn ExecutionPlan>);

impl WindowJoin {
    pub(super) fn of(
        join: &WindowJoinExec,
        codec: &OperatorCodec,
        converter: Converter<'_>,
    ) -> Result<Self> {
        let one = |expr: &PhysicalExprRef| converter.physical_expr_to_proto(expr, codec);
        let all = |exprs: &mut dyn Iterator<Item = &PhysicalExprRef>| -> Result<Vec<_>> {
            exprs.map(one).collect()
        };
        let condition = &join.condition;
        let rest = |rest: &JoinFilter| -> Result<protobuf::JoinFilter> {
            Ok(protobuf::JoinFilter {
                expression: Some(one(rest.expression())?),
                column_indices: rest.column_indices().iter().map(sided).collect(),
                schema: Some(written(rest.schema())?),
            })
        };
        let wanted = join.dynamic_expressions_produced();
        Ok(WindowJoin {
            schema: Some(written(&join.schema())?),
            keys: all(&mut condition.keys.iter().map(|(key, _)| key))?,
            others: all(&mut condition.keys.iter().map(|(_, other)| other))?,
            nulls_are_equal: condition.nulls == NullEquality::NullEqualsNull,
            begin: Some(one(&condition.begin.value)?),
            begin_open: condition.begin.open,
            end: Some(one(&condition.end.value)?),
            end_open: condition.end.open,
            point: Some(one(&condition.point)?),
            rest: condition.rest.as_ref().map(rest).transpose()?,
            output: join.output.iter().map(sided).collect(),
            wanted: all(&mut wanted.iter())?,
            asked: all(&mut join.asked.iter())?,
        })
    }

    pub(super) fn operator(
        self,
        (intervals, points): Inputs,
        context: &PhysicalPlanDecodeContext<'_>,
        converter: Converter<'_>,
    ) -> Result<WindowJoinExec> {
        let (of_intervals, of_points) = (intervals.schema(), points.schema());
        let reading = Reading { context, converter };
        let keys = reading.all(&self.keys, &of_intervals)?;
        let others = reading.all(&self.others, &of_points)?;
        let condition = Condition {
            keys: keys.into_iter().zip(others).collect(),
            nulls: match self.nulls_are_equal {
                true => NullEquality::NullEqualsNull,
                false => NullEquality::NullEqualsNothing,
            },
            begin: Bound {
                value: reading.one(self.begin.as_ref(), &of_intervals)?,
                open: self.begin_open,
            },
            end: Bound {
                value: reading.one(self.end.as_ref(), &of_intervals)?,
                open: self.end_open,
            },
            point: reading.one(self.point.as_ref(), &of_points)?,
            rest: self.rest.map(|rest| reading.filter(rest)).transpose()?,
        };
        let output = self.output.iter().map(column).collect::<Result<Vec<_>>>()?;
        let mut join = WindowJoinExec::new(
            intervals,
            points,
            Arc::new(condition),
            output.into(),
            read(self.schema)?,
        );
        let wanted = reading.all(&self.wanted, &of_points)?.into_iter();
        let wanted = wanted.map(|told| {
            Arc::downcast::<DynamicFilterPhysicalExpr>(told)
                .map_err(|_| internal_datafusion_err!("what a scan is told came as something else"))
        });
        join.wanted = wanted.collect::<Result<_>>()?;
        join.asked = reading.all(&self.asked, &of_intervals)?;
        Ok(join)
    }
}

/// How expressions are read.
struct Reading<'r> {
    context: &'r PhysicalPlanDecodeContext<'r>,
    converter: Converter<'r>,
}

impl Reading<'_> {
    fn one(&self, expr: Option<&PhysicalExprNode>, schema: &Schema) -> Result<PhysicalExprRef> {
        match expr {
            Some(expr) => self
                .converter
                .proto_to_physical_expr(expr, schema, self.context),
            None => internal_err!("a join of intervals came without a bound"),
        }
    }

    fn all(&self, exprs: &[PhysicalExprNode], schema: &Schema) -> Result<Vec<PhysicalExprRef>> {
        let exprs = exprs.iter();
        exprs.map(|expr| self.one(Some(expr), schema)).collect()
    }

    fn filter(&self, filter: protobuf::JoinFilter) -> Result<JoinFilter> {
        let schema = read(filter.schema)?;
        let columns = filter.column_indices.iter().map(column);
        Ok(JoinFilter::new(
            self.one(filter.expression.as_ref(), &schema)?,
            columns.collect::<Result<_>>()?,
            schema,
        ))
    }
}

fn sided(column: &ColumnIndex) -> protobuf::ColumnIndex {
    let side = match column.side {
        JoinSide::Left => protobuf::JoinSide::LeftSide,
        JoinSide::Right => protobuf::JoinSide::RightSide,
        JoinSide::None => protobuf::JoinSide::None,
    };
    protobuf::ColumnIndex {
        index: column.index as u32,
        side: side.into(),
    }
}

fn column(column: &protobuf::ColumnIndex) -> Result<ColumnIndex> {
    let side = match column.side() {
        protobuf::JoinSide::LeftSide => JoinSide::Left,
        protobuf::JoinSide::RightSide => JoinSide::Right,
        protobuf::JoinSide::None => JoinSide::None,
    };
    Ok(ColumnIndex {
        index: column.index as usize,
        side,
    })
}
