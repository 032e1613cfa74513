package import Compute
package import Diagnostics
package import Recordings
package import Tensors

/// The program of one kind of decoder block, bound to one block after another.
package final class BlockProgram {
  package let program: Program
  /// The block's input, `[batch * tokens, width]`.
  package let input: Value
  /// How activations are quantized.
  package let activations: ActivationPlan
  /// Columns of the input.
  package let width: Int
  /// Columns of the output: the width, but for the end of a model.
  package let outputColumns: Int
  /// Carried columns that are read, which the caller fills, and those that a run gives.
  package let carriedInputs: [CarriedValue]
  package let carriedOutputs: [CarriedValue]
  /// The first of the carried columns that only the block reads which the program runs for.
  package var firstOwnColumn = 0
  /// The block's experts.
  package let mixtures: [Mixture]
  /// What each of the program's parts is in a checkpoint.
  private let parts: [BlockRecorder.Part]

  /// Records and plans the program.
  ///
  /// - Parameters:
  ///   - activations: How activations are quantized.
  ///   - batch: Sequences that run at once.
  ///   - tokens: Tokens of each.
  ///   - positions: Positions that a sequence can reach, if more than `tokens`.
  ///   - gradientPrecision: How precise gradients of linear layers are.
  ///   - weights: Those of a program of the same block; nil: new memory, which has yet to be loaded.
  package init(
    _ block: any DecoderBlock, activations: ActivationPlan = ActivationPlan(), batch: Int,
    tokens: Int, positions: Int? = nil, device: any Device, training: Program.Training,
    gradientPrecision: GradientPrecision = .full, weights: ParameterMemory? = nil
  ) throws {
    let operations = ProgramRecorder(
      batch: batch, tokens: tokens, positions: positions, compute: device.compute,
      gradientPrecision: gradientPrecision)
    let (recorder, input, output) = Self.record(block, activations, operations)
    try recorder.requireEqualExperts()
    let recording = recorder.operations.recording
    program = try Program(recording, device: device, training: training, weights: weights)
    (self.input, outputColumns) = (input, recording.columns(of: output))
    self.activations = activations
    width = block.width
    (parts, mixtures) = (recorder.parts, recorder.mixtures)
    (carriedInputs, carriedOutputs) = (recorder.carriedInputs, recorder.carriedOutputs)
  }

  /// Bytes that such a program takes with its weights, without taking them.
  package static func byteCount(
    _ block: any DecoderBlock, activations: ActivationPlan = ActivationPlan(), batch: Int,
    tokens: Int, device: any Device, training: Program.Training,
    gradientPrecision: GradientPrecision = .full
  ) -> Int {
    let operations = ProgramRecorder(
      batch: batch, tokens: tokens, compute: device.compute, gradientPrecision: gradientPrecision)
    let recording = record(block, activations, operations).recorder.operations.recording
    return Program.byteCount(recording, training: training, device: device)
  }

  /// Refuses a block of which `device` cannot compute something, before anything is allocated.
  package static func requireSupport(
    of block: any DecoderBlock, activations: ActivationPlan, batch: Int, tokens: Int,
    device: any Device, gradientPrecision: GradientPrecision
  ) throws(InputError) {
    let operations = ProgramRecorder(
      batch: batch, tokens: tokens, compute: device.compute, gradientPrecision: gradientPrecision)
    let recorder = record(block, activations, operations).recorder
    try recorder.requireEqualExperts()
    try recorder.operations.recording.requireSupport(by: device)
  }

  private static func record(
    _ block: any DecoderBlock, _ activations: ActivationPlan, _ operations: ProgramRecorder
  ) -> (recorder: BlockRecorder, input: Value, output: Value) {
    var recorder = BlockRecorder(operations, activations: activations)
    let input = recorder.operations.input(columns: block.width)
    let output = block.record(input, in: &recorder)
    recorder.operations.finish(output: output)
    return (recorder, input, output)
  }

  /// Fills the parameters with those of the block called `name`, such as `model.layers.3`; the end of a model has
  /// an empty name.
  ///
  /// - Parameters:
  ///   - hasScales: Whether the source has the calibrated scales of quantized activations; else they stay as
  ///     they are.
  ///   - inPlace: Whether matrices may be read where the source has them, if the program does not train.
  package func load(
    _ name: String, from source: any TensorSource, hasScales: Bool = true, inPlace: Bool = false
  ) throws {
    for (bound, part) in zip(program.parameterParts, parts) where hasScales || !bound.isScale {
      let tensor = try part.stored.found(as: part.name, in: name, source)
        .read(part.shape, in: name, from: source)
      inPlace ? program.bind(tensor, to: bound) : program.load(tensor, into: bound)
    }
  }

  /// Bytes of one sequence's input.
  package var sequenceByteCount: Int { program.tokens * width * program.compute.byteCount }

  /// Bytes of one sequence's output, and of one token's.
  package var outputByteCount: Int { program.tokens * outputRowByteCount }
  package var outputRowByteCount: Int { outputColumns * program.compute.byteCount }

  /// Where carried columns lie behind the hidden states of one sequence, in bytes.
  package func offset(of columns: CarriedColumns) -> Int {
    let first = columns.first + (columns.isOfBlock ? firstOwnColumn : 0)
    return program.tokens * first * program.compute.byteCount
  }

  /// Bytes of carried columns of one sequence.
  package func byteCount(of columns: CarriedColumns) -> Int {
    program.tokens * columns.count * program.compute.byteCount
  }

  /// Fills what the program reads of carried columns.
  ///
  /// - Parameters:
  ///   - sequence: The place of the sequence in the batch.
  ///   - source: All carried columns of the sequence.
  package func readCarried(_ sequence: Int, from source: DeviceRange) {
    for input in carriedInputs {
      let count = byteCount(of: input.columns)
      (program[range: input.value] + sequence * count)
        .copy(from: source + offset(of: input.columns), byteCount: count)
    }
  }

  /// Puts the carried columns that a run has given in their places.
  package func writeCarried(_ sequence: Int, to target: DeviceRange) {
    for output in carriedOutputs {
      let count = byteCount(of: output.columns)
      (target + offset(of: output.columns))
        .copy(from: program[range: output.value] + sequence * count, byteCount: count)
    }
  }
}
