import CPU
import Compute
import Recordings
import ReferenceDevice
import TestSupport
import Testing

@Suite(.oneAtATime) struct ScalingTests {
  /// A factor for each of some columns, and one for all, of numbers that others read as well.
  @Test(arguments: ComputeType.available, [false, true])
  func valuesAndGradients(compute: ComputeType, isConstant: Bool) throws {
    var twin = Twin(compute, batch: 2, tokens: 19)
    let x = twin.input(23)
    let some = twin.scaling(twin.columns(0..<9, of: x), count: 9, isConstant: isConstant)
    let others = twin.scaling(twin.columns(9..<23, of: x), count: 1, isConstant: isConstant)
    twin.finish(twin.scaling(twin.add(twin.juxtaposed([some, others]), x), count: 23))
    try twin.check(.chain)
    try twin.check(.chain, training: .nothing)
  }
}
