//! One point of a profile: its name, its registers, and keys that make sense for what it measures.

use std::collections::BTreeMap;

use serde_saphyr::{Location, Spanned};
use solthrive_domain::{Input, Point, Quantity};

use super::check::Check;
use super::draft::PointDraft;
use super::error::{ProfileError, closest};
use super::{CounterScope, Function, NumberKind, PointDef, RegisterRef, Speed, WordOrder, unit};

/// What holds for points that do not say otherwise.
pub(super) struct Defaults {
    pub(super) function: Function,
    pub(super) kind: Option<NumberKind>,
    pub(super) words: WordOrder,
    pub(super) sentinels: BTreeMap<NumberKind, Vec<u64>>,
}

pub(super) struct PointContext<'a> {
    pub(super) check: &'a Check<'a>,
    pub(super) defaults: &'a Defaults,
}

impl PointContext<'_> {
    pub(super) fn point(
        &self,
        name: &Spanned<String>,
        draft: &PointDraft,
    ) -> Result<PointDef, ProfileError> {
        let point = self.name(name)?;
        let Some(kind) = draft.kind.or(self.defaults.kind) else {
            let reason = format!("`{point}` has no `type`, and `defaults` names none");
            return Err(self.check.wrong(name.referenced, reason));
        };
        let function = draft.function.unwrap_or(self.defaults.function);
        let sentinels = match &draft.sentinels {
            Some(own) => self.check.raw_values(kind, own)?,
            None => self
                .defaults
                .sentinels
                .get(&kind)
                .cloned()
                .unwrap_or_default(),
        };
        Ok(PointDef {
            point,
            function,
            address: self.check.address("`address`", &draft.address, kind)?,
            kind,
            words: draft.words.unwrap_or(self.defaults.words),
            k: self.k(point, draft)?,
            sign: draft.sign,
            multiplier: self
                .above_zero("multiplier", draft.multiplier.as_ref())?
                .unwrap_or(1.0),
            scale_register: self.scale_register(function, draft)?,
            ct_scaled: self.ct_scaled(point, draft.ct_scaled.as_ref())?,
            optional: draft.optional,
            speed: draft.speed.unwrap_or_else(|| usual_speed(point.quantity)),
            scope: self.scope(point, draft.scope.as_ref())?,
            sentinels,
            range: self.range(draft.range.as_ref())?,
            volt_ref: self.volt_ref(point, draft.volt_ref.as_ref())?,
            wraps_at: self.wraps_at(point, draft.wraps_at.as_ref())?,
        })
    }

    fn wrong(&self, at: Location, reason: String) -> ProfileError {
        self.check.wrong(at, reason)
    }

    fn name(&self, name: &Spanned<String>) -> Result<Point, ProfileError> {
        name.value
            .parse()
            .map_err(|unknown: solthrive_domain::point::UnknownPoint| {
                let near = closest(&name.value, Point::all().map(|point| point.to_string()));
                let reason = match near {
                    Some(near) => {
                        format!("`{}` is no measurement; did you mean `{near}`?", name.value)
                    }
                    None => unknown.to_string(),
                };
                self.wrong(name.referenced, reason)
            })
    }

    /// The scale and the unit conversion in one.
    fn k(&self, point: Point, draft: &PointDraft) -> Result<f64, ProfileError> {
        let k = match &draft.k {
            None => 1.0,
            Some(k) if k.value.is_finite() && k.value != 0.0 => k.value,
            Some(k) => {
                return Err(self.wrong(
                    k.referenced,
                    format!("`k` is {}, but must be finite and not 0", k.value),
                ));
            }
        };
        let Some(written) = &draft.unit else {
            return Ok(k);
        };
        let Some(factor) = unit::to_canonical(point.quantity, &written.value) else {
            let known: Vec<_> = unit::units(point.quantity)
                .iter()
                .map(|(name, _)| *name)
                .collect();
            let reason = format!(
                "`{}` is no unit of {point}; known: {}",
                written.value,
                known.join(", ")
            );
            return Err(self.wrong(written.referenced, reason));
        };
        let product = k * factor;
        if product.is_normal() {
            return Ok(product);
        }
        Err(self.wrong(
            written.referenced,
            format!("`k` and `unit` together make {product}"),
        ))
    }

    fn above_zero(
        &self,
        key: &str,
        number: Option<&Spanned<f64>>,
    ) -> Result<Option<f64>, ProfileError> {
        match number {
            Some(n) if !(n.value.is_finite() && n.value > 0.0) => Err(self.wrong(
                n.referenced,
                format!("`{key}` is {}, but must be finite and above 0", n.value),
            )),
            other => Ok(other.map(|n| n.value)),
        }
    }

    fn scale_register(
        &self,
        function: Function,
        draft: &PointDraft,
    ) -> Result<Option<RegisterRef>, ProfileError> {
        let Some(at) = &draft.scale_register else {
            return Ok(None);
        };
        let address = self
            .check
            .address("`scale_register`", at, NumberKind::S16)?;
        Ok(Some(RegisterRef { function, address }))
    }

    fn ct_scaled(
        &self,
        point: Point,
        written: Option<&Spanned<bool>>,
    ) -> Result<bool, ProfileError> {
        let Some(written) = written else {
            return Ok(false);
        };
        use Quantity::{ActivePower, ApparentPower, Current, ReactivePower};
        let scales = point.quantity.is_counter()
            || matches!(
                point.quantity,
                Current | ActivePower | ApparentPower | ReactivePower
            );
        if written.value && !scales {
            return Err(self.wrong(
                written.referenced,
                format!("{point} does not depend on the CT's ratio"),
            ));
        }
        Ok(written.value)
    }

    fn scope(
        &self,
        point: Point,
        written: Option<&Spanned<CounterScope>>,
    ) -> Result<Option<CounterScope>, ProfileError> {
        match written {
            Some(scope) if !point.quantity.is_counter() => Err(self.wrong(
                scope.referenced,
                format!("only counters have a `scope`, and {point} is none"),
            )),
            Some(scope) => Ok(Some(scope.value)),
            None if !point.quantity.is_counter() => Ok(None),
            None if point.input == Input::Total => Ok(Some(CounterScope::AllInputs)),
            None => Ok(Some(CounterScope::Leg)),
        }
    }

    fn range(
        &self,
        written: Option<&Spanned<(f64, f64)>>,
    ) -> Result<Option<(f64, f64)>, ProfileError> {
        match written {
            Some(r)
                if !(r.value.0.is_finite() && r.value.1.is_finite() && r.value.0 < r.value.1) =>
            {
                let reason =
                    "`range` is [lowest, highest], both finite, lowest below highest".to_owned();
                Err(self.wrong(r.referenced, reason))
            }
            other => Ok(other.map(|r| r.value)),
        }
    }

    fn volt_ref(
        &self,
        point: Point,
        written: Option<&Spanned<String>>,
    ) -> Result<Option<Input>, ProfileError> {
        let Some(written) = written else {
            return Ok(None);
        };
        use Quantity::{ActivePower, ApparentPower, Current, PowerFactor, ReactivePower};
        if !matches!(
            point.quantity,
            Current | ActivePower | ApparentPower | ReactivePower | PowerFactor
        ) {
            return Err(self.wrong(
                written.referenced,
                format!("{point} has no voltage that its current is measured against"),
            ));
        }
        use Input::{L1, L2, L3, L12, L23, L31};
        match written.value.parse() {
            Ok(input @ (L1 | L2 | L3 | L12 | L23 | L31)) => Ok(Some(input)),
            _ => Err(self.wrong(
                written.referenced,
                "`volt_ref` is one of l1, l2, l3, l12, l23, l31".to_owned(),
            )),
        }
    }

    fn wraps_at(
        &self,
        point: Point,
        written: Option<&Spanned<f64>>,
    ) -> Result<Option<f64>, ProfileError> {
        match written {
            Some(at) if !point.quantity.is_counter() => Err(self.wrong(
                at.referenced,
                format!("only counters wrap, and {point} is none"),
            )),
            other => self.above_zero("wraps_at", other),
        }
    }
}

/// Powers move every second; counters, distortion, angles and charge do not.
fn usual_speed(quantity: Quantity) -> Speed {
    use Quantity::{PhaseAngle, StateOfCharge, VoltageDistortion};
    let slow =
        quantity.is_counter() || matches!(quantity, VoltageDistortion | PhaseAngle | StateOfCharge);
    if slow { Speed::Slow } else { Speed::Fast }
}
