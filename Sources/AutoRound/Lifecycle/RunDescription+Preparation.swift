import CKernels
import Calibration
import Checkpoints
import Compute
import LanguageModels
import Recipes
import Reporting
import Tensors

extension RunDescription {
  /// - Parameter data: What the model is calibrated on; nil where it is not run.
  init(_ run: Preparation, _ data: CalibrationData?) {
    let options = run.options
    let setup = run.calibration?.setup
    let architectures = run.survey.checkpoint.configuration["architectures"]?.arrayValue
    let iterations = setup?.needs.gradients == true ? options.iterations : 0
    self.init(
      model: run.model, architecture: architectures?.first?.stringValue ?? "unknown",
      scheme: options.schemeSummary, device: setup?.device.name ?? "cpu",
      instructionSet: setup == nil ? "any" : Self.kernels,
      matrixLibrary: setup == nil ? "" : MatrixLibrary.description,
      computeType: (setup?.device.compute ?? .float32).rawValue, threadCount: ThreadTeam.size,
      blockCount: setup?.model.description.blocks.count ?? 0,
      tunedBlocks: setup == nil ? nil : run.tunedUnits, iterations: iterations,
      searchesScales: options.searchesScales(in: run.table.layers),
      batchSize: setup?.batch ?? 0,
      learningRate: iterations > 0 ? options.learningRate.description : "none",
      sampleCount: data?.samples.count ?? 0, sequenceLength: data?.sequenceLength ?? 0,
      calibrationHash: data?.hash ?? "none", calibrationExcerpt: data?.excerpt ?? "",
      seed: options.seed)
  }

  private static var kernels: String {
    switch ck_isa_current() {
    case CK_ISA_AVX512: "avx512-bf16"
    case CK_ISA_AVX2: "avx2"
    default: "portable"
    }
  }
}
