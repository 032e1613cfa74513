import Compute
import Recordings
import ReferenceDevice
import TestSupport
import Testing

/// What a program does about values that not everything reads.
@Suite(.oneAtATime) struct GradientCoverageTests {
  /// An operation that the output does not come from takes no part in the backward pass.
  @Test func operationsBesideTheOutputAreLeftOut() throws {
    var twin = Twin(.float32, tokens: 6)
    let x = twin.input(8)
    let y = twin.linear(x)
    let output = twin.add(x, y)
    _ = twin.linear(y)
    _ = twin.norm(output)
    twin.finish(output)
    let outcome = try TwinProgram(twin).run()
    expectClose(
      outcome.inputGradients[0].map(Double.init), x.node.gradient.elements,
      Tolerance(ofLargest: 4e-6))
    #expect(outcome.delivered.map(\.parameter.index) == [0])
  }

  /// Nothing that is trained, nothing to deliver.
  @Test func aProgramWithoutMatricesDeliversNone() throws {
    var twin = Twin(.float32, tokens: 6)
    twin.finish(twin.norm(twin.input(8)))
    try twin.check(.chain, training: .nothing)
  }

  @Test func gradientsOfColumnsThatNothingReadsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      var twin = Twin(.float32, tokens: 2)
      let x = twin.linear(twin.input(8))
      twin.finish(twin.linear(twin.columns(0..<4, of: x)))
      _ = try TwinProgram(twin)
    }
  }

  @Test func columnsReadTogetherAndInPartAreRefused() async {
    await #expect(processExitsWith: .failure) {
      var twin = Twin(.float32, tokens: 2)
      let x = twin.linear(twin.input(8))
      let whole = twin.linear(x, twin.matrix(rows: [4], columns: 8))
      let part = twin.linear(twin.columns(0..<4, of: x), twin.matrix(rows: [4], columns: 4))
      twin.finish(twin.add(whole, part))
      _ = try TwinProgram(twin)
    }
  }
}
