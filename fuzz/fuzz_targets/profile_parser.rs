//! Any text is a profile or a refusal, and any profile can be planned, read and simulated.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use solthrive_meter::decode::{Registers, Scaling};
use solthrive_meter::plan::{PlanLimits, PlanMemory, WireCost, plan_unit};
use solthrive_meter::profile::Profile;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(profile) = Profile::parse("fuzz.yaml", text) else { return };
    let wanted: Vec<usize> = (0..profile.points.len()).collect();
    let cost = WireCost::tcp(Duration::from_millis(5), Duration::ZERO);
    let mut memory = PlanMemory::default();
    let plan = plan_unit(&profile, &wanted, &cost, &PlanLimits::default(), &memory);
    let mut registers = Registers::new();
    for block in &plan.full {
        assert!(block.count >= 1 && block.count <= profile.bus.max_registers);
        registers.push(block.function, block.address, vec![bytes[0].into(); block.count.into()]);
        memory.refused(&profile, block);
    }
    let carried: usize = plan.full.iter().map(|block| block.points.len()).sum();
    assert_eq!(carried, profile.points.len());
    for def in &profile.points {
        if let Ok(value) = def.decode_from(&registers, 1.0) {
            assert!(value.is_finite());
        }
        assert_eq!(def.encode(230.0, Scaling::default()).len(), usize::from(def.kind.width()));
    }
    let _ = plan_unit(&profile, &wanted, &cost, &PlanLimits::default(), &memory);
});
