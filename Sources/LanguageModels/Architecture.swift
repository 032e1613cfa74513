package import Compute
package import JSONText

/// One family of decoder-only models: how its configuration describes blocks, and what its tensors are
/// called.
///
/// A new family is one file in `Architectures` and one line in ``Architectures/all``.
package protocol Architecture: Sendable {
  /// The values of `model_type` in config.json that mean this family.
  static var modelTypes: [String] { get }

  /// Reads a configuration; errors name the key and what was expected.
  static func describe(_ configuration: JSONReader) throws -> ModelDescription
}

/// What a model is made of, as far as computing it needs to know.
package struct ModelDescription: Sendable {
  package var vocabularySize: Int
  package var hiddenSize: Int
  /// Number of the longest sequence that the model was made for.
  package var maximumPositions: Int
  /// Name of the token embedding, `[vocabularySize, hiddenSize]`.
  package var embedding: String
  /// Name of the last norm's weight, and its epsilon.
  package var norm: String
  package var normEpsilon: Float
  /// Name of the head, `[vocabularySize, hiddenSize]`.
  package var head: String
  /// Whether the head is the embedding when the checkpoint has no tensor of its own for it.
  package var isTied: Bool
  /// The decoder blocks in order.
  package var blocks: [PlacedBlock]

  /// The head as a module: its name without `.weight`.
  package var headModule: String { String(head.dropLast(".weight".count)) }
}

/// A decoder block at its place in the model.
package struct PlacedBlock: Sendable {
  /// What the names of its tensors begin with, `model.layers.3`, without a dot at the end.
  package var name: String
  package var block: any DecoderBlock

  package init(name: String, block: any DecoderBlock) {
    self.name = name
    self.block = block
  }
}

/// The structure of a decoder block. Blocks that are equal run as the same program.
package protocol DecoderBlock: Hashable, Sendable {
  /// The linear layers, in the order of the forward pass, with names inside the block.
  var linearLayers: [LinearLayer] { get }
  /// The linear layers in groups that read the same values, in the order of ``linearLayers``.
  var layersOfOneInput: [[String]] { get }
  /// How the inputs of linear layers are quantized, by layer name; layers without an entry read
  /// their inputs as they are.
  var inputQuantization: [String: InputQuantization] { get set }
  /// The modules inside the block that have keys and values, `self_attn`.
  var attentionModules: [String] { get }
  /// How keys, after their rotation, and values are quantized; nil leaves them as they are.
  var keyValueQuantization: ActivationQuantization? { get set }
  /// Records the block's operations on `input`, `[rows, hidden size]`; returns the output.
  ///
  /// Parameter parts carry the tensor names inside the block, `mlp.up_proj.weight`.
  func record(in recorder: inout ProgramRecorder, input: Value) -> Value
  /// Columns of the block's input and output.
  var hiddenSize: Int { get }
  /// Columns of the keys, and of the values, of a token: key-value heads times head size.
  var keyValueColumns: Int { get }
}

/// How the input of a linear layer is quantized.
package struct InputQuantization: Hashable, Sendable {
  package var quantization: ActivationQuantization
  /// The layer inside the block whose calibrated scale is used, if scales are calibrated. Layers that
  /// read the same values by the same scale read them quantized once.
  package var scaleLayer: String

  package init(_ quantization: ActivationQuantization, scaleLayer: String) {
    self.quantization = quantization
    self.scaleLayer = scaleLayer
  }

  /// What the name of the calibrated scale ends with.
  package var scaleSuffix: String {
    quantization.number == .nvfp4 ? "input_global_scale" : "input_scale"
  }

  /// What the checkpoint calls the calibrated scale, inside the block.
  package var scaleName: String { "\(scaleLayer).\(scaleSuffix)" }
}

/// A linear layer of a block.
package struct LinearLayer: Hashable, Sendable {
  /// The module's name inside the block, `mlp.up_proj`; its weight is `<name>.weight`.
  package var name: String
  package var outputs: Int
  package var inputs: Int

  package init(name: String, outputs: Int, inputs: Int) {
    self.name = name
    self.outputs = outputs
    self.inputs = inputs
  }
}
