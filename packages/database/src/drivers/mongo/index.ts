export { type MongoOptions, openMongoDatabase } from './mongo-database.ts'
