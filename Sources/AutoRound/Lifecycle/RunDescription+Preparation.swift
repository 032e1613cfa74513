import Calibration
import Checkpoints
import Compute
import LanguageModels
import MatrixProducts
import Recipes
import Recordings
import Reporting
import Tensors

extension RunDescription {
  /// - Parameter data: What the model is calibrated on; nil where it is not run.
  init(_ run: Preparation, _ data: CalibrationData?) {
    self.init()
    let options = run.options
    model = run.model
    architecture = run.architecture
    sourceStorage = run.survey.checkpoint.made?.storage.description
    scheme = options.schemeSummary
    threadCount = ThreadTeam.size
    searchesScales = options.searchesScales(in: run.table.layers)
    seed = options.seed
    guard let data, let setup = run.calibration?.setup else { return }
    device = setup.device.name
    instructionSet = ProgramVersion.kernels
    matrixLibrary = MatrixLibrary.description
    computeType = setup.device.compute.rawValue
    blockCount = setup.model.description.blocks.count
    tunedBlocks = run.tunedUnits
    if setup.needs.gradients { iterations = options.iterations }
    if iterations > 0 {
      learningRate = options.learningRate.description
      (rangeLearningRate, gradientAccumulation) = (
        options.rangeLearningRate, options.gradientAccumulation
      )
    }
    (batchSize, portionCount) = (setup.batch, setup.portionCount)
    (sampleCount, sequenceLength) = (data.samples.count, data.sequenceLength)
    (calibrationHash, calibrationExcerpt) = (data.hash, data.excerpt)
    (calibrationRemark, calibrationTokenCount) = (data.remark, data.tokenCount)
  }
}
