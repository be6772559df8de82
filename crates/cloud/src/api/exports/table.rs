//! Columns as a file: CSV, JSON lines or Parquet.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use crate::api::telemetry::{Block, Format as Text, Plan, head, lines, unit, words};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    JsonLines,
    Parquet,
}

impl Format {
    pub(super) const ALL: [Self; 3] = [Self::Csv, Self::JsonLines, Self::Parquet];

    /// As it is asked for, and how its files end.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "ndjson",
            Self::Parquet => "parquet",
        }
    }

    pub(super) fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }
}

/// A file of columns while it is written.
pub(super) enum Table {
    Text(Text),
    Parquet(Box<SerializedFileWriter<Vec<u8>>>),
}

impl Table {
    /// Begins one with the plan's columns.
    pub(super) fn begin(format: Format, plan: &Plan) -> Result<(Self, Vec<u8>), ParquetError> {
        let text = match format {
            Format::Csv => Text::Csv,
            Format::JsonLines => Text::JsonLines,
            Format::Parquet => {
                let writer =
                    SerializedFileWriter::new(Vec::new(), schema(plan)?, properties(plan)?)?;
                return Ok((Self::Parquet(Box::new(writer)), Vec::new()));
            }
        };
        Ok((Self::Text(text), head(plan, text).into_bytes()))
    }

    /// The bytes of some rows.
    pub(super) fn rows(&mut self, plan: &Plan, block: &Block) -> Result<Vec<u8>, ParquetError> {
        match self {
            Self::Text(format) => {
                let mut text = String::new();
                lines(&mut text, &plan.fields, &plan.zone, block, *format);
                Ok(text.into_bytes())
            }
            Self::Parquet(_) if block.t.is_empty() => Ok(Vec::new()),
            Self::Parquet(writer) => {
                let mut group = writer.next_row_group()?;
                group_of(&mut group, block)?;
                group.close()?;
                Ok(std::mem::take(writer.inner_mut()))
            }
        }
    }

    /// What is still to come.
    pub(super) fn end(self) -> Result<Vec<u8>, ParquetError> {
        match self {
            Self::Text(_) => Ok(Vec::new()),
            Self::Parquet(writer) => writer.into_inner(),
        }
    }
}

fn schema(plan: &Plan) -> Result<Arc<Type>, ParquetError> {
    let millis = LogicalType::timestamp(true, TimeUnit::MILLIS);
    let time = Type::primitive_type_builder("time", Physical::INT64)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(millis))
        .build()?;
    let mut columns = vec![Arc::new(time)];
    let coverage = plan.has_coverage().then_some("coverage");
    for name in coverage
        .into_iter()
        .chain(plan.fields.iter().map(String::as_str))
    {
        let column = Type::primitive_type_builder(name, Physical::DOUBLE)
            .with_repetition(Repetition::OPTIONAL)
            .build()?;
        columns.push(Arc::new(column));
    }
    if plan.has_quality() {
        let quality = Type::primitive_type_builder("quality", Physical::BYTE_ARRAY)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::String))
            .build()?;
        columns.push(Arc::new(quality));
    }
    let all = Type::group_type_builder("site")
        .with_fields(columns)
        .build()?;
    Ok(Arc::new(all))
}

/// The unit of each column stands in the file.
fn properties(plan: &Plan) -> Result<Arc<WriterProperties>, ParquetError> {
    let units = plan.fields.iter();
    let units = units.map(|name| KeyValue::new(format!("unit:{name}"), unit(name).to_owned()));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_key_value_metadata(Some(units.collect()));
    Ok(Arc::new(properties.build()))
}

fn group_of(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    block: &Block,
) -> Result<(), ParquetError> {
    let times: Vec<i64> = block.t.iter().map(|at| at.as_millisecond()).collect();
    if let Some(mut column) = group.next_column()? {
        column
            .typed::<Int64Type>()
            .write_batch(&times, None, None)?;
        column.close()?;
    }
    for series in block.coverage.iter().chain(&block.series) {
        let Some(mut column) = group.next_column()? else {
            break;
        };
        let known: Vec<f64> = series
            .iter()
            .copied()
            .filter(|value| !value.is_nan())
            .collect();
        let levels: Vec<i16> = series
            .iter()
            .map(|value| i16::from(!value.is_nan()))
            .collect();
        column
            .typed::<DoubleType>()
            .write_batch(&known, Some(&levels), None)?;
        column.close()?;
    }
    if let (Some(quality), Some(mut column)) = (&block.quality, group.next_column()?) {
        let codes = quality
            .iter()
            .map(|doubts| ByteArray::from(words(*doubts).into_bytes()));
        let codes: Vec<ByteArray> = codes.collect();
        column
            .typed::<ByteArrayType>()
            .write_batch(&codes, None, None)?;
        column.close()?;
    }
    Ok(())
}
