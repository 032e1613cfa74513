package import Checkpoints
import Diagnostics
package import Execution
import Foundation
package import JSONText
package import LanguageModels
package import Quantization
package import QuantizedCheckpoints
package import Recipes
import Tensors
import Verification

/// What the quantized copy of a checkpoint holds: every tensor of the source, quantized or as it was.
package struct QuantizedCopy {
  private let checkpoint: Checkpoint
  /// What it is made of, each quantized layer being a tensor.
  package let source: LayeredCheckpoint
  /// The format that was asked for.
  package let format: OutputFormat
  /// What its files hold.
  package let contents: any CopyContents
  /// The folder in the output that holds it beside copies in other formats; nil for the output itself.
  package let folder: String?
  /// Bytes of the source's tensors.
  package let sourceByteCount: Int
  /// Stored bits for each weight of the quantized layers, scales and zero points included.
  package let bitsPerWeight: Double
  /// All linear layers that stay as they are.
  package let kept: [String]
  /// Those of them that are none of the model's modules.
  package let strays: [ModuleDescription]

  /// Every tensor of the copy, known before any is computed.
  package var tensors: [TensorInfo] { contents.tensors }
  /// How they are spread over files.
  package var plan: CheckpointPlan { contents.plan }
  /// The source's configuration, with the schemes of the quantized layers where files have them.
  package var configuration: JSONValue {
    (contents as? CheckpointContents)?.configuration ?? checkpoint.configuration
  }

  /// - Parameters:
  ///   - style: How the copy is stored, and where.
  ///   - file: The source as it becomes a file of llama.cpp; nil: it is opened where the copy is one.
  package init(
    of source: SourceModel, schemes: [String: QuantizationScheme],
    keyValueScheme: QuantizationArguments? = nil, style: CopyStyle = CopyStyle(),
    file: GGUFModelFile? = nil
  ) throws {
    let withScales = keyValueScheme == nil ? [] : source.description.blocks
    let scales = withScales.flatMap { placed in
      let type = source.scaleDType(ofBlock: placed)
      return placed.block.attentionModules.map { (module: "\(placed.name).\($0)", dtype: type) }
    }
    let head = source.description.headModule
    // Transformers calls every head so, whatever its tensor is called.
    let loaded =
      head == "lm_head" || schemes[head] != nil
      ? [] : [ModuleDescription(name: "lm_head", shape: [])]
    try self.init(
      of: source.checkpoint, modules: source.description.modules + loaded,
      layers: source.description.layerTensors(in: source.checkpoint),
      names: source.description.names, schemes: schemes,
      keyValues: keyValueScheme.map { ($0, scales) }, style: style, file: file)
  }

  /// - Parameters:
  ///   - modules: The modules that the configuration speaks of.
  ///   - layers: Where the files have linear layers that are not tensors of their own.
  ///   - names: What loads the copy calls modules, where it is something else.
  ///   - keyValues: Nil where keys and values stay as they are.
  ///   - style: How the copy is stored, and where.
  ///   - file: The source as it becomes a file of llama.cpp; nil: it is opened where the copy is one.
  package init(
    of checkpoint: Checkpoint, modules: [ModuleDescription], layers: [LayerTensor],
    names: ModuleNames? = nil, schemes: [String: QuantizationScheme],
    keyValues: KeyValueOutline? = nil,
    style: CopyStyle = CopyStyle(), file: GGUFModelFile? = nil
  ) throws {
    let family = try style.format.fileType == nil ? style.format.family(of: schemes) : nil
    (format, folder) = (style.format, style.folder)
    try checkpoint.requireNoLeftovers(beside: schemes.keys)
    self.checkpoint = checkpoint
    try checkpoint.requireOwnTensors { schemes[$0]?.weights != nil }
    let source = try LayeredCheckpoint(checkpoint, layers: layers) { schemes[$0]?.weights != nil }
    self.source = source
    // Matrices of the source that belong to none of the modules: readers take them for linear layers.
    let linear = modules.filter(\.isLinear).map(\.name)
    let known = Set(linear)
    var strays: [ModuleDescription] = []
    var weights = 0
    for info in source.tensors {
      guard let module = ModuleDescription.name(ofWeight: info.name) else { continue }
      if schemes[module]?.weights != nil {
        weights += info.count
      } else if info.shape.count == 2, !known.contains(module), !VerificationReport.isTable(module)
      {
        strays.append(ModuleDescription(name: module, shape: info.shape))
      }
    }
    (kept, self.strays) = (linear.filter { schemes[$0] == nil } + strays.map(\.name), strays)
    sourceByteCount = checkpoint.byteCount
    if let fileType = style.format.fileType {
      contents = try GGUFContents(
        of: file ?? GGUFModelFile(opening: checkpoint.folder), as: fileType, schemes: schemes,
        quantizesKeysAndValues: keyValues != nil)
    } else if let family {
      let outline = try family.outline(
        of: checkpoint.configuration, tensors: source.tensors,
        modules: (modules + strays).map { module in
          var module = module
          module.loadedNames = ModuleNames.loadedNames(of: module.name, in: names)
          return module
        }, schemes: schemes, keyValues: keyValues)
      contents = try CheckpointContents(
        outline, of: source, family, schemes, shardByteCountLimit: style.shardByteCountLimit)
    } else {
      preconditionFailure("\(style.format.name) is neither a checkpoint nor a file")
    }
    bitsPerWeight = weights > 0 ? Double(8 * contents.weightByteCount) / Double(weights) : 0
  }

  /// The files besides those of tensors, with their sizes.
  package func otherFiles(recipe: Recipe) -> [(name: String, byteCount: Int)] {
    documents(recipe).map { ($0.name, $0.text.utf8.count) }
      + copiedFiles.flatMap(Checkpoint.copies).map { ($0.name, $0.byteCount) }
  }

  private func documents(_ recipe: Recipe) -> [(name: String, text: String)] {
    contents.documents
      + (contents.takesFiles ? checkpoint.documents.map { ($0.name, $0.text) } : [])
      + [("recipe.yaml", recipe.yaml)]
  }

  private var copiedFiles: [URL] {
    !contents.takesFiles
      ? []
      : checkpoint.otherFiles.filter { $0.lastPathComponent != "recipe.yaml" }
  }

  /// Writes everything but the quantized layers: the other tensors, the configuration, the files that
  /// belong to the model, and the recipe.
  package func writeTheRest(to writer: CheckpointWriter, recipe: Recipe) throws {
    try contents.writeOthers(from: source, to: writer)
    for file in copiedFiles { try writer.copyFile(file) }
    for document in documents(recipe) { try writer.write(document.text, toFile: document.name) }
  }
}
