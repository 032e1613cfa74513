import Checkpoints
import Diagnostics
import Execution
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Quantization
public import Recipes
import Reporting

/// What is known of a source from the headers of its files, before anything is computed: its layers, and whether it
/// can be run.
public struct Survey {
  /// How much is known of what the source's tensors are for.
  enum Source {
    /// All of it: the model is run.
    case model(SourceModel)
    /// What their names and shapes tell: weights are rounded as they lie in the files.
    case tensors(NamedModules)
  }

  let checkpoint: Checkpoint
  let source: Source
  /// Embeddings and linear layers.
  let modules: [ModuleDescription]
  /// Why some layers stay as they are unless a target names them in full.
  let exclusions: [String: Exclusion]
  private let warnings: WarningLog

  /// Opens a source as the options and its architecture ask for it.
  init(opening folder: URL, _ options: ResolvedOptions, _ warnings: WarningLog) throws {
    self.warnings = warnings
    let checkpoint = try Checkpoint.source(opening: folder)
    let isKnown = Architectures.know(JSONReader(checkpoint.configuration))
    if options.isModelFree || !isKnown && options.iterations == 0 {
      try options.requireNoCalibration()
      try checkpoint.requireSource()
      let named = try NamedModules(checkpoint)
      (self.checkpoint, source, modules) = (checkpoint, .tensors(named), named.modules)
      exclusions = [:]
    } else {
      let model = try Self.model(of: checkpoint, isKnown: isKnown)
      (self.checkpoint, source) = (model.checkpoint, .model(model))
      modules = model.description.modules
      exclusions = model.description.exclusions
    }
    for remark in checkpoint.remarks { warn(remark) }
  }

  private static func model(of checkpoint: Checkpoint, isKnown: Bool) throws -> SourceModel {
    do {
      return try SourceModel(checkpoint)
    } catch let error as InputError
      where !isKnown && error.place?.hasSuffix("model_type") == true && error.code == .unsupported
    {
      throw InputError(
        error.code, source: error.source, place: error.place,
        error.message
          + "; with 0 iterations its weights are rounded without running it, by the names and shapes of its "
          + "tensors (\(RunOptions.table.isModelFree.name))")
    }
  }

  /// The full names of all linear layers, the head among them.
  public var layers: [String] { modules.filter(\.isLinear).map(\.name) }

  /// The model; nil where it is not run.
  var model: SourceModel? {
    guard case .model(let model) = source else { return nil }
    return model
  }

  /// Whether it is a model that is run, with experts.
  private var hasExperts: Bool {
    model?.description.ofBlocks { !$0.allExperts.isEmpty }.contains(where: \.fact) ?? false
  }

  /// Tells the user something that does not stop the run; once.
  public func warn(_ text: String) { warnings.warn(text) }

  /// The schemes that options ask for by their targets and `ignore`. Layers that are better left as they are, or
  /// were not asked for by name, are left out, and the user is told.
  public func schemes(by options: ResolvedOptions) throws -> SchemeTable {
    let resolution = try SchemeResolution.resolve(
      groups: options.groups.map { ($0.name, $0.scheme) }, ignore: options.ignore,
      modules: modules, origin: .recipe)
    // The head may have another name, and is left as it is unless it is asked for.
    for entry in resolution.unmatchedIgnores where try entry != "lm_head" && !isCopied(entry) {
      warn("ignore: \(quoted(entry)) matches no layer of the model")
    }
    for remark in resolution.remarks { warn(remark) }
    let schemes =
      switch source {
      case .model(let model): try choose(resolution.schemes, of: model, options)
      case .tensors(let named): try choose(resolution.schemes, of: named, options)
      }
    let remark = options.remark(onMissingSearch: schemes, of: modules.map(\.name))
    if let remark { warn(remark) }
    if options.calibratesAllExperts, !hasExperts {
      warn(
        "\(OptionName.calibratesAllExperts) changes nothing: "
          + (model == nil ? "the model is not run" : "the model has no experts"))
    }
    return SchemeTable(layers: schemes, keysAndValues: options.keyValueCacheScheme)
  }

  /// Whether an entry of `ignore` matches what is copied in any case, such as what sees.
  private func isCopied(_ entry: String) throws -> Bool {
    let matcher = try ModuleMatcher(entry)
    return try checkpoint.tensorNames.contains { name in
      let module = name.split(separator: ".").dropLast().joined(separator: ".")
      return try matcher.match(ModuleDescription(name: module, shape: [1, 1])) != nil
    }
  }

  /// Refuses a table that names no layer, or what is no linear layer, or a scheme that no quantizer knows.
  func check(_ table: SchemeTable) throws {
    guard !table.layers.isEmpty else {
      throw InputError(.invalidValue, place: "modifier", "gives no layer a scheme")
    }
    let known = Set(layers)
    for (layer, scheme) in table.layers.sorted(by: { $0.key < $1.key }) {
      guard known.contains(layer), layer != model?.description.headModule || !isTied else {
        throw InputError(
          .invalidValue, place: layer, "has a scheme, but is no linear layer of the model")
      }
      try scheme.requireSupported(path: layer)
    }
  }

  /// Whether the head of a model that is run is its embedding.
  private var isTied: Bool { model?.description.end.isTied ?? false }

  /// What names and shapes tell of a model that is not run; nil for one that is.
  private var named: NamedModules? {
    guard case .tensors(let named) = source else { return nil }
    return named
  }

  /// Heads that are the embedding, of a model that is not run.
  var tiedHeads: [ModuleDescription] { named?.tiedHeads ?? [] }

  /// Where the files of a model that is not run have layers that are not tensors of their own.
  var stackedLayers: [LayerTensor] { named?.parts ?? [] }

  /// What loads a copy of a model that is not run calls its modules; nil where files have these names.
  var loadedNames: ModuleNames? { named?.names }

  /// The tensors of embedding and head.
  var embeddingsAndHeads: Set<String> {
    switch source {
    case .model(let model):
      [model.description.front.table.tensor, model.description.end.head.weight.tensor]
    case .tensors(let named):
      Set(
        (modules.filter { $0.className == "Embedding" }.map(\.name) + named.heads)
          .map { $0 + ".weight" })
    }
  }

  /// Why a module that no entry of `ignore` lists is not quantized.
  func reason(whyKept module: ModuleDescription) -> String {
    if let exclusion = exclusions[module.name] { return exclusion.reason }
    switch source {
    case .model(let model):
      if model.isInsideBlock(module.name) { return "no target matches it" }
      return isTied
        ? "it is the embedding (tied)"
        : "it is the head; \(OptionName.head.with("quantize")) asks for it"
    case .tensors(let named):
      if !module.isLinear { return "no linear layer, by its name" }
      return named.heads.contains(module.name)
        ? "it is the head" : "no target matches it, or it is small or does not divide into groups"
    }
  }
}
