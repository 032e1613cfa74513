import CPU
import Compute
import Recordings
import ReferenceDevice
import TestSupport
import Testing

@Suite(.oneAtATime) struct JuxtapositionTests {
  /// Columns that are there once, twice and many times, and that others read besides, before and after.
  @Test(arguments: ComputeType.available) func operandsThatAreThereSeveralTimes(
    compute: ComputeType
  ) throws {
    var twin = Twin(compute, batch: 2, tokens: 37)
    let x = twin.input(20)
    let (a, b, c) = (
      twin.columns(0..<8, of: x), twin.columns(8..<17, of: x), twin.columns(17..<20, of: x)
    )
    let before = twin.map(.relu, b)
    let y = twin.juxtaposed([a, b, b, c, a] + Array(repeating: c, count: 40))
    let after = twin.map(.silu, a)
    twin.finish(twin.juxtaposed([before, y, after]))
    try twin.check(.chain)
  }
}
