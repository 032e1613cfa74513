package import Compute
package import Tensors

/// The program of one kind of decoder block, bound to one block after another.
package final class BlockProgram {
  package let program: Program
  /// The block's input, `[batch * tokens, hidden size]`.
  package let input: Value
  package let hiddenSize: Int

  /// Records and plans the program.
  ///
  /// - Parameters:
  ///   - batch: Sequences that run at once.
  ///   - tokens: Tokens of each.
  ///   - positions: Positions that a sequence can reach, if more than `tokens`.
  ///   - gradientPrecision: How precise gradients of linear layers are.
  package init(
    _ block: any DecoderBlock, batch: Int, tokens: Int, positions: Int? = nil, device: Device,
    training: Program.Training, gradientPrecision: GradientPrecision = .full
  ) throws {
    var recorder = ProgramRecorder(
      batch: batch, tokens: tokens, positions: positions, compute: device.compute,
      gradientPrecision: gradientPrecision)
    input = recorder.input(columns: block.hiddenSize)
    let output = block.record(in: &recorder, input: input)
    recorder.finish(output: output)
    program = try Program(recorder, device: device, training: training)
    hiddenSize = block.hiddenSize
  }

  /// Fills the parameters with those of the block called `name`, such as `model.layers.3`.
  ///
  /// - Parameter hasScales: Whether the source has the calibrated scales of quantized activations; else
  ///   they stay as they are.
  package func load(_ name: String, from source: any TensorSource, hasScales: Bool = true) throws {
    for part in program.parameterParts where hasScales || !part.isScale {
      let shape = part.isMatrix ? [part.rows, part.columns] : [part.rows]
      program.load(try source.tensor("\(name).\(part.name)", shape: shape), into: part)
    }
  }

  /// Bytes of one sequence's input or output.
  package var sequenceByteCount: Int {
    program.tokens * hiddenSize * program.compute.byteCount
  }
}
