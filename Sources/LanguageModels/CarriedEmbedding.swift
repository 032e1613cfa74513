package import Compute
import Diagnostics
import Recordings
package import Tensors

/// Fills the columns that a model's front carries for its blocks.
package final class CarriedEmbedding {
  private let inputs: BlockInputs
  private let program: BlockProgram
  private let table: Tensor

  /// - Parameter tokens: Tokens of each piece.
  /// - Returns: nil for a front that carries nothing.
  package init?(
    _ front: ModelFront, tokens: Int, source: any TensorSource, device: any Device
  ) throws {
    guard let inputs = front.blockInputs else { return nil }
    self.inputs = inputs
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
    let compute = program.program.compute
    precondition(ids.count == program.program.tokens)
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
    program.writeCarried(0, to: target)
  }
}
