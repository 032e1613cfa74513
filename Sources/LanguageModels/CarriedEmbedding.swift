package import Compute
import Diagnostics
import Recordings
package import Tensors

/// Fills the columns that a model's front carries for its blocks.
package final class CarriedEmbedding {
  private let inputs: BlockInputs
  private let program: BlockProgram
  private let table: Tensor
  private let compute: ComputeType
  private let tokens: Int

  /// - Parameter tokens: Tokens of each piece.
  /// - Returns: nil for a front that carries nothing.
  package init?(
    _ front: ModelFront, tokens: Int, source: any TensorSource, device: any Device
  ) throws {
    guard let inputs = front.blockInputs else { return nil }
    self.inputs = inputs
    self.tokens = tokens
    compute = device.compute
    program = try BlockProgram(
      inputs, batch: 1, tokens: tokens, device: device, training: .nothing)
    try program.load("", from: source)
    table = try inputs.table.read(
      [inputs.vocabularySize, inputs.columns], in: "", from: source)
  }

  /// Writes what blocks read for the tokens `ids`.
  ///
  /// - Parameters:
  ///   - embedded: The tokens' rows, as the first block reads them.
  ///   - target: All carried columns of these tokens.
  package func write(
    _ ids: some Collection<Int>, embedded: DeviceRange, to target: DeviceRange
  ) throws {
    precondition(ids.count == tokens)
    let rowByteCount = inputs.columns * compute.byteCount
    let rows = program.program[range: program.carriedInputs[0].value]
    for (index, id) in ids.enumerated() {
      guard id >= 0, id < inputs.vocabularySize else {
        throw InputError(
          .invalidValue, place: "token \(index)",
          "the token id \(id) is outside the vocabulary of inputs for blocks, which is "
            + "\(inputs.vocabularySize)")
      }
      table.slice(id..<id + 1).converted(to: compute.dtype).withUnsafeBytes {
        (rows + index * rowByteCount).upload($0)
      }
    }
    program.program[range: program.input].copy(
      from: embedded, byteCount: program.sequenceByteCount)
    program.program.forward()
    for block in 0..<inputs.blockCount {
      let columns = inputs.carried(ofBlock: block)
      let byteCount = columns.count * compute.byteCount
      let plane = target + tokens * columns.first * compute.byteCount
      for token in 0..<tokens {
        (plane + token * byteCount).copy(
          from: program.program.output + token * rowByteCount + block * byteCount,
          byteCount: byteCount)
      }
    }
  }
}
