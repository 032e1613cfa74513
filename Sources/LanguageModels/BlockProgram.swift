package import Compute
package import Tensors

/// The program of one kind of decoder block, bound to one block after another.
package final class BlockProgram {
  package let program: Program
  /// The block's input, `[batch * tokens, hidden size]`.
  package let input: Value
  package let hiddenSize: Int
  /// Columns of the output: the hidden size, but for a head.
  package let outputColumns: Int

  /// Records and plans the program.
  ///
  /// - Parameters:
  ///   - batch: Sequences that run at once.
  ///   - tokens: Tokens of each.
  ///   - positions: Positions that a sequence can reach, if more than `tokens`.
  ///   - gradientPrecision: How precise gradients of linear layers are.
  package init(
    _ block: any DecoderBlock, batch: Int, tokens: Int, positions: Int? = nil, device: any Device,
    training: Program.Training, gradientPrecision: GradientPrecision = .full
  ) throws {
    var recorder = ProgramRecorder(
      batch: batch, tokens: tokens, positions: positions, compute: device.compute,
      gradientPrecision: gradientPrecision)
    input = recorder.input(columns: block.hiddenSize)
    let output = block.record(in: &recorder, input: input)
    recorder.finish(output: output)
    program = try Program(recorder.recording, device: device, training: training)
    hiddenSize = block.hiddenSize
    outputColumns = block.hiddenSize
  }

  /// Records the end of a model, for one sequence: the logits of the last block's outputs.
  ///
  /// - Parameter inputs: How the head's inputs are quantized; nil leaves them as they are.
  package init(
    headOf model: ModelDescription, inputs: ActivationQuantization? = nil, tokens: Int,
    device: any Device, training: Program.Training, gradientPrecision: GradientPrecision = .full
  ) throws {
    var recorder = ProgramRecorder(
      batch: 1, tokens: tokens, compute: device.compute, gradientPrecision: gradientPrecision)
    input = recorder.input(columns: model.hiddenSize)
    let norm = recorder.vector([ParameterPart(name: model.norm, rows: model.hiddenSize)])
    var hidden = recorder.rmsNorm(input, weight: norm, epsilon: model.normEpsilon)
    if let inputs {
      let scale = InputQuantization(inputs, scaleLayer: model.headModule).scaleName
      hidden = recorder.quantizedActivations(
        recorder.operand(hidden), inputs, scaleName: scale)
    }
    let head = recorder.matrix(
      [ParameterPart(name: model.head, rows: model.vocabularySize)], columns: model.hiddenSize)
    recorder.finish(output: recorder.linear(recorder.operand(hidden), weight: head))
    program = try Program(recorder.recording, device: device, training: training)
    hiddenSize = model.hiddenSize
    outputColumns = model.vocabularySize
  }

  /// Fills the parameters of a head's program with the tensors that they are named for.
  package func loadHead(from source: any TensorSource) throws {
    for part in program.parameterParts where !part.isScale {
      let shape = part.isMatrix ? [part.rows, part.columns] : [part.rows]
      program.load(try source.tensor(part.name, shape: shape), into: part)
    }
  }

  /// Bytes that such a program takes with its weights, without taking them.
  package static func byteCount(
    _ block: any DecoderBlock, batch: Int, tokens: Int, device: any Device,
    training: Program.Training, gradientPrecision: GradientPrecision = .full
  ) -> Int {
    var recorder = ProgramRecorder(
      batch: batch, tokens: tokens, compute: device.compute, gradientPrecision: gradientPrecision)
    let input = recorder.input(columns: block.hiddenSize)
    let output = block.record(in: &recorder, input: input)
    recorder.finish(output: output)
    return Program.byteCount(recorder.recording, training: training, device: device)
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

  /// Bytes of one sequence's input.
  package var sequenceByteCount: Int {
    program.tokens * hiddenSize * program.compute.byteCount
  }

  /// Bytes of one sequence's output.
  package var outputByteCount: Int {
    program.tokens * outputColumns * program.compute.byteCount
  }
}
