//! Our operators as bytes, for other machines that carry out a part of a plan.
//!
//! An operator is its parameters: its inputs come beside it, as DataFusion's own operators have them, and of the tables
//! nothing is sent but which of their files and row groups are read. What both sides compile in (functions, the names of
//! lists) goes by its name, so both must be of one version of sysds.

mod calls;
mod messages;
mod windows;

use super::calls::exec::CallsExec;
use super::claims::exec::UnclaimedExec;
use super::request_arguments::linked::LinkedArgumentsExec;
use super::request_arguments::plan::RequestArgumentsExec;
use super::request_lists::plan::RequestListsExec;
use super::windows::exec::WindowJoinExec;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{Result, internal_datafusion_err, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{
    PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf;
use messages::{Kind, Operator};
use prost::Message;
use std::sync::Arc;

/// Writes and reads them.
#[derive(Debug)]
pub(crate) struct OperatorCodec;

/// What reads and writes expressions, so that those that are shared stay shared.
type Converter<'c> = &'c dyn PhysicalProtoConverterExtension;

impl PhysicalExtensionCodec for OperatorCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: Converter<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wrong = |e| internal_datafusion_err!("an operator that cannot be read: {e}");
        let operator = Operator::decode(bytes).map_err(wrong)?;
        let Some(kind) = operator.kind else {
            return internal_err!("an operator that this version of sysds does not know");
        };
        let context = PhysicalPlanDecodeContext::new(context, self);
        let one = || match inputs {
            [one] => Ok(Arc::clone(one)),
            _ => internal_err!("the operator has one input, and {} came", inputs.len()),
        };
        let two = || match inputs {
            [one, other] => Ok((Arc::clone(one), Arc::clone(other))),
            _ => internal_err!("the operator has two inputs, and {} came", inputs.len()),
        };
        Ok(match kind {
            Kind::Calls(calls) => Arc::new(CallsExec::new(one()?, calls.layout()?)),
            Kind::WindowJoin(join) => Arc::new(join.operator(two()?, &context, converter)?),
            Kind::RequestLists(lists) => {
                let (requests, events) = two()?;
                Arc::new(RequestListsExec::new(requests, events, read(lists.schema)?))
            }
            Kind::RequestArguments(arguments) => {
                Arc::new(RequestArgumentsExec::new(one()?, read(arguments.schema)?))
            }
            Kind::LinkedArguments(arguments) => {
                let (requests, events) = two()?;
                let schema = read(arguments.schema)?;
                Arc::new(LinkedArgumentsExec::new(requests, events, schema))
            }
            Kind::Unclaimed(_) => Arc::new(UnclaimedExec::new(one()?)),
        })
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: Converter<'_>,
    ) -> Result<()> {
        let schema = || -> Result<messages::Shaped> {
            let schema = Some(written(&node.schema())?);
            Ok(messages::Shaped { schema })
        };
        let kind = if let Some(calls) = node.downcast_ref::<CallsExec>() {
            Kind::Calls(messages::Calls::of(&calls.layout)?)
        } else if let Some(join) = node.downcast_ref::<WindowJoinExec>() {
            Kind::WindowJoin(Box::new(messages::WindowJoin::of(join, self, converter)?))
        } else if node.is::<RequestListsExec>() {
            Kind::RequestLists(schema()?)
        } else if node.is::<RequestArgumentsExec>() {
            Kind::RequestArguments(schema()?)
        } else if node.is::<LinkedArgumentsExec>() {
            Kind::LinkedArguments(schema()?)
        } else if node.is::<UnclaimedExec>() {
            Kind::Unclaimed(messages::Unclaimed {})
        } else {
            return internal_err!("{} cannot be sent to other machines", node.name());
        };
        Operator { kind: Some(kind) }
            .encode(bytes)
            .map_err(|e| internal_datafusion_err!("{}: {e}", node.name()))
    }
}

fn written(schema: &Schema) -> Result<protobuf::Schema> {
    Ok(schema.try_into()?)
}

fn read(schema: Option<protobuf::Schema>) -> Result<SchemaRef> {
    let Some(schema) = schema else {
        return internal_err!("an operator came without its columns");
    };
    Ok(Arc::new((&schema).try_into()?))
}
